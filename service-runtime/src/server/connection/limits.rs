//! How many connections and unanswered bytes a process holds.

use std::{
    collections::HashMap,
    fmt,
    net::{IpAddr, Ipv6Addr},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

/// How much a service takes on at a time.
#[derive(Clone)]
pub struct ServerLimits {
    /// Connections. One more is closed at once.
    pub connections: usize,
    /// Connections of one peer, an IPv4 address or an IPv6 /64, once a quarter of all are taken.
    pub connections_per_peer: usize,
    /// Peers that carry connections of many clients, and have no limit of their own.
    pub carries_many: Arc<dyn Fn(IpAddr) -> bool + Send + Sync>,
    /// Requests that one worker serves. One more is answered 503 at once.
    pub requests_per_worker: usize,
}

impl ServerLimits {
    /// For a service that only other services call: their own limits bound it.
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

/// The connections that a service has now.
#[derive(Debug)]
pub(in crate::server) struct Places {
    limits: ServerLimits,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    total: usize,
    by_peer: HashMap<IpAddr, usize>,
}

/// The place of one connection; dropping it frees it.
#[derive(Debug)]
pub(in crate::server) struct Place {
    places: Arc<Places>,
    /// `None`: a peer that carries many clients.
    peer: Option<IpAddr>,
}

impl Places {
    pub(in crate::server) fn new(limits: ServerLimits) -> Arc<Self> {
        Arc::new(Self { limits, taken: Mutex::default() })
    }

    /// A place for a connection from this peer, unless all are taken, or the peer has its share.
    pub(in crate::server) fn take(self: &Arc<Self>, peer: Option<IpAddr>) -> Option<Place> {
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
            let few_are_taken = taken.total < limits.connections / 4;
            let of_peer = taken.by_peer.entry(peer).or_default();
            if *of_peer >= limits.connections_per_peer && !few_are_taken {
                return None;
            }
            *of_peer += 1;
        }
        taken.total += 1;
        Some(Place { places: Arc::clone(self), peer })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken.lock().unwrap_or_else(PoisonError::into_inner);
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

/// What one subscriber has all of: an IPv4 address, or the /64 of an IPv6 address.
pub fn subscriber_network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into(),
    }
}

/// Bytes that have arrived and have not been answered yet, beyond what is free for each connection.
#[derive(Debug)]
pub(in crate::server) struct ReadBudget(AtomicUsize);

impl ReadBudget {
    /// What each connection may hold without being charged: an ordinary request.
    pub(in crate::server) const FREE: usize = 16 * 1024;
    /// What all connections of a process may hold beyond that.
    const TOTAL: usize = 8 * 1024 * 1024;

    /// Takes so many bytes; `false` if there are not so many left.
    pub(in crate::server) fn charge(&self, bytes: usize) -> bool {
        let take = |left: usize| left.checked_sub(bytes);
        bytes == 0 || self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()
    }

    /// Gives back what was taken.
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

    fn places() -> Arc<Places> {
        let proxy: IpAddr = "10.0.0.1".parse().unwrap();
        let carries_many = Arc::new(move |peer| peer == proxy);
        Places::new(ServerLimits {
            connections: 40,
            connections_per_peer: 4,
            carries_many,
            ..ServerLimits::internal()
        })
    }

    fn take(places: &Arc<Places>, peer: &str) -> Option<Place> {
        places.take(Some(peer.parse().unwrap()))
    }

    #[test]
    fn a_peer_has_its_share_once_a_quarter_is_taken() {
        let places = places();
        let mut held: Vec<_> = (0..10).map(|_| take(&places, "203.0.113.9").unwrap()).collect();
        assert!(take(&places, "203.0.113.9").is_none());
        assert!(take(&places, "::ffff:203.0.113.9").is_none());
        held.extend((0..4).map(|_| take(&places, "203.0.113.10").unwrap()));
        assert!(take(&places, "203.0.113.10").is_none());
        held.truncate(3);
        held.push(take(&places, "203.0.113.9").unwrap());
        drop(held);
        assert!(places.taken.lock().unwrap().by_peer.is_empty());
    }

    #[test]
    fn a_64_is_one_peer() {
        let places = places();
        let held: Vec<_> = (0..10).map(|n| take(&places, &format!("2001:db8::{n}")).unwrap()).collect();
        assert!(take(&places, "2001:db8::ffff:1").is_none());
        assert!(take(&places, "2001:db8:0:1::1").is_some());
        drop(held);
    }

    #[test]
    fn a_proxy_is_limited_by_the_total_only() {
        let places = places();
        let held: Vec<_> = (0..40).map(|_| take(&places, "10.0.0.1").unwrap()).collect();
        assert!(take(&places, "10.0.0.1").is_none());
        assert!(take(&places, "203.0.113.9").is_none());
        drop(held);
        assert!(take(&places, "203.0.113.9").is_some());
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
