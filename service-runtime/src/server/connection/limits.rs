//! Limits on connections and unanswered bytes of a process.

use std::{
    collections::HashMap,
    fmt,
    net::{IpAddr, Ipv6Addr},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

/// Limits of a service.
#[derive(Clone)]
pub struct ServerLimits {
    /// Maximum number of connections. Further ones are closed at once.
    pub connections: usize,
    /// Maximum number of connections of one peer (an IPv4 address or IPv6 /64), once a quarter of all slots are taken.
    pub connections_per_peer: usize,
    /// Peers that carry connections of many clients, such as proxies; exempt from the limit per peer.
    pub carries_many: Arc<dyn Fn(IpAddr) -> bool + Send + Sync>,
    /// Maximum number of concurrent requests per worker. Further ones are answered 503 at once.
    pub requests_per_worker: usize,
}

impl ServerLimits {
    /// Limits of an internal service: its callers' own limits bound it.
    pub fn internal() -> Self {
        Self {
            connections: 4096,
            connections_per_peer: 4096,
            carries_many: Arc::new(|_| true),
            requests_per_worker: usize::MAX,
        }
    }
}

impl fmt::Debug for ServerLimits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerLimits").field("connections", &self.connections).finish_non_exhaustive()
    }
}

/// The open connections of a service.
#[derive(Debug)]
pub(in crate::server) struct ConnectionSlots {
    limits: ServerLimits,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    total: usize,
    by_peer: HashMap<IpAddr, usize>,
}

/// A connection's slot, released on drop.
#[derive(Debug)]
pub(in crate::server) struct ConnectionSlot {
    slots: Arc<ConnectionSlots>,
    /// `None` for a peer that is exempt from the limit per peer.
    peer: Option<IpAddr>,
}

impl ConnectionSlots {
    pub(in crate::server) fn new(limits: ServerLimits) -> Arc<Self> {
        Arc::new(Self { limits, taken: Mutex::default() })
    }

    /// Takes a slot; `None` if all are taken or the peer is over its limit.
    pub(in crate::server) fn take(self: &Arc<Self>, peer: Option<IpAddr>) -> Option<ConnectionSlot> {
        let limits = &self.limits;
        let peer = peer
            .map(|peer| peer.to_canonical())
            .filter(|peer| !(limits.carries_many)(*peer))
            .map(subscriber_network);
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.total >= limits.connections {
            return None;
        }
        if let Some(peer) = peer {
            let is_lightly_loaded = taken.total < limits.connections / 4;
            let of_peer = taken.by_peer.entry(peer).or_default();
            if *of_peer >= limits.connections_per_peer && !is_lightly_loaded {
                return None;
            }
            *of_peer += 1;
        }
        taken.total += 1;
        Some(ConnectionSlot { slots: Arc::clone(self), peer })
    }
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        let mut taken = self.slots.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.total -= 1;
        if let Some(peer) = self.peer
            && let Some(of_peer) = taken.by_peer.get_mut(&peer)
        {
            *of_peer -= 1;
            if *of_peer == 0 {
                taken.by_peer.remove(&peer);
            }
        }
    }
}

/// The network of one subscriber: an IPv4 address, or the /64 of an IPv6 address.
pub fn subscriber_network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into(),
    }
}

/// Budget for bytes received but not yet answered, beyond each connection's free allowance.
#[derive(Debug)]
pub(in crate::server) struct ReadBudget(AtomicUsize);

impl ReadBudget {
    /// Free allowance of each connection: a typical request.
    pub(in crate::server) const FREE: usize = 16 * 1024;
    /// Total of a process beyond the free allowances.
    const TOTAL: usize = 8 * 1024 * 1024;

    /// Charges bytes; `false` if the budget does not cover them.
    pub(in crate::server) fn charge(&self, bytes: usize) -> bool {
        let take = |left: usize| left.checked_sub(bytes);
        bytes == 0 || self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()
    }

    /// Returns charged bytes.
    pub(in crate::server) fn release(&self, bytes: usize) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }
}

impl Default for ReadBudget {
    fn default() -> Self {
        Self(AtomicUsize::new(Self::TOTAL))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slots() -> Arc<ConnectionSlots> {
        let proxy: IpAddr = "10.0.0.1".parse().unwrap();
        let carries_many = Arc::new(move |peer| peer == proxy);
        ConnectionSlots::new(ServerLimits {
            connections: 40,
            connections_per_peer: 4,
            carries_many,
            ..ServerLimits::internal()
        })
    }

    fn take(slots: &Arc<ConnectionSlots>, peer: &str) -> Option<ConnectionSlot> {
        slots.take(Some(peer.parse().unwrap()))
    }

    #[test]
    fn a_peer_has_its_share_once_a_quarter_is_taken() {
        let slots = slots();
        let mut held: Vec<_> = (0..10).map(|_| take(&slots, "203.0.113.9").unwrap()).collect();
        assert!(take(&slots, "203.0.113.9").is_none());
        assert!(take(&slots, "::ffff:203.0.113.9").is_none());
        held.extend((0..4).map(|_| take(&slots, "203.0.113.10").unwrap()));
        assert!(take(&slots, "203.0.113.10").is_none());
        held.truncate(3);
        held.push(take(&slots, "203.0.113.9").unwrap());
        drop(held);
        assert!(slots.taken.lock().unwrap().by_peer.is_empty());
    }

    #[test]
    fn an_ipv6_64_is_one_peer() {
        let slots = slots();
        let held: Vec<_> = (0..10).map(|n| take(&slots, &format!("2001:db8::{n}")).unwrap()).collect();
        assert!(take(&slots, "2001:db8::ffff:1").is_none());
        assert!(take(&slots, "2001:db8:0:1::1").is_some());
        drop(held);
    }

    #[test]
    fn a_proxy_is_limited_by_the_total_only() {
        let slots = slots();
        let held: Vec<_> = (0..40).map(|_| take(&slots, "10.0.0.1").unwrap()).collect();
        assert!(take(&slots, "10.0.0.1").is_none());
        assert!(take(&slots, "203.0.113.9").is_none());
        drop(held);
        assert!(take(&slots, "203.0.113.9").is_some());
    }

    #[test]
    fn unanswered_bytes_have_a_total() {
        let budget = ReadBudget::default();
        assert!(budget.charge(ReadBudget::TOTAL));
        assert!(!budget.charge(1));
        assert!(budget.charge(0));
        budget.release(1);
        assert!(budget.charge(1));
    }
}
