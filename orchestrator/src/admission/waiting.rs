//! Places of waiting requests (contract, section 12): as many as memory bears, two for each session. Once more than half are
//! taken, a visitor, its networks and a deployment have shares, so that nobody can take them all.

use std::{
    collections::{HashMap, VecDeque, hash_map::Entry},
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use prometheus_client::metrics::gauge::Gauge;
use service_runtime::Metrics;
use shared_types::{DeploymentKey, SessionId};
use tokio::sync::Notify;

use super::networks::{self, Prefix, neighbours};

/// Places of one session: of two tabs, until one of them leads.
const PER_SESSION: usize = 2;

/// The places. One for all workers of a process.
#[derive(Debug)]
pub struct WaitingPlaces {
    limit: usize,
    held: Mutex<Held>,
    waiting: Gauge,
}

#[derive(Debug, Default)]
struct Held {
    total: usize,
    next_id: u64,
    by_owner: HashMap<Owner, usize>,
    /// The places of a session, the oldest first.
    sessions: HashMap<SessionId, VecDeque<Taken>>,
}

#[derive(Debug)]
struct Taken {
    id: u64,
    owners: [Option<Owner>; 4],
    evicted: Arc<Notify>,
}

/// An owner of a share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Owner {
    Visitor(Option<IpAddr>),
    Network(Prefix, IpAddr),
    Deployment(DeploymentKey),
}

/// A place, released on drop.
#[derive(Debug)]
pub struct Place {
    places: Arc<WaitingPlaces>,
    session: SessionId,
    id: u64,
    evicted: Arc<Notify>,
}

impl WaitingPlaces {
    /// `limit` places, with their gauge in `metrics`.
    pub fn new(limit: usize, metrics: &Metrics) -> Arc<Self> {
        let waiting = Gauge::default();
        metrics.register("guests_waiting", "Requests that wait for a message", waiting.clone());
        Arc::new(Self { limit, held: Mutex::default(), waiting })
    }

    /// Takes a place for a request of `session`, from `client`. A third place of a session replaces its oldest one. `None`
    /// if there is none, or a share is exhausted. `deployment` is `None` if it is the only one.
    pub fn take(
        self: &Arc<Self>,
        session: SessionId,
        client: Option<IpAddr>,
        deployment: Option<DeploymentKey>,
    ) -> Option<Place> {
        let owners = owners(client, deployment);
        let mut held = self.lock();
        let oldest = held.sessions.get_mut(&session).filter(|taken| taken.len() >= PER_SESSION);
        if let Some(evicted) = oldest.and_then(VecDeque::pop_front) {
            evicted.evicted.notify_one();
            held.release(&evicted.owners);
        }
        let is_crowded = held.total * 2 > self.limit;
        let is_over =
            |owner: &Owner| held.by_owner.get(owner).is_some_and(|count| *count >= owner.share(self.limit));
        if held.total >= self.limit || is_crowded && owners.iter().flatten().any(is_over) {
            self.waiting.set(held.total as i64);
            return None;
        }
        held.total += 1;
        held.next_id += 1;
        for owner in owners.iter().flatten() {
            *held.by_owner.entry(*owner).or_default() += 1;
        }
        let (id, evicted) = (held.next_id, Arc::new(Notify::new()));
        held.sessions.entry(session).or_default().push_back(Taken {
            id,
            owners,
            evicted: Arc::clone(&evicted),
        });
        self.waiting.set(held.total as i64);
        Some(Place { places: Arc::clone(self), session, id, evicted })
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    fn release(&mut self, owners: &[Option<Owner>; 4]) {
        self.total -= 1;
        for owner in owners.iter().flatten() {
            if let Entry::Occupied(mut count) = self.by_owner.entry(*owner) {
                *count.get_mut() -= 1;
                if *count.get() == 0 {
                    count.remove();
                }
            }
        }
    }
}

impl Place {
    /// Completes when a newer request of the session has taken the place.
    pub async fn evicted(&self) {
        self.evicted.notified().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut held = self.places.lock();
        let Entry::Occupied(mut session) = held.sessions.entry(self.session) else { return };
        // An evicted place has been released.
        let position = session.get().iter().position(|taken| taken.id == self.id);
        let taken = position.and_then(|position| session.get_mut().remove(position));
        if session.get().is_empty() {
            session.remove();
        }
        if let Some(taken) = taken {
            held.release(&taken.owners);
        }
        self.places.waiting.set(held.total as i64);
    }
}

impl Owner {
    /// Maximum number of places, of `limit`, once more than half are taken.
    fn share(self, limit: usize) -> usize {
        let share = match self {
            Owner::Visitor(_) => limit / 16,
            Owner::Network(Prefix::V6Of56, _) => limit / 8,
            Owner::Network(Prefix::V4Of24 | Prefix::V6Of48, _) | Owner::Deployment(_) => limit / 2,
        };
        share.max(1)
    }
}

fn owners(client: Option<IpAddr>, deployment: Option<DeploymentKey>) -> [Option<Owner>; 4] {
    let mut networks = neighbours(client).map(|(prefix, network)| Owner::Network(prefix, network));
    [
        Some(Owner::Visitor(networks::visitor(client))),
        networks.next(),
        networks.next(),
        deployment.map(Owner::Deployment),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(limit: usize) -> Arc<WaitingPlaces> {
        WaitingPlaces::new(limit, &Metrics::default())
    }

    fn session(n: u8) -> SessionId {
        SessionId::from_random([n; 16])
    }

    fn take(places: &Arc<WaitingPlaces>, n: u8, address: &str) -> Option<Place> {
        places.take(
            session(n),
            Some(address.parse().unwrap()),
            Some(DeploymentKey::from_bits(u128::from(n % 2))),
        )
    }

    #[tokio::test]
    async fn a_third_request_of_a_session_evicts_the_first() {
        let places = places(32);
        let held: Vec<_> = (0..3).map(|_| take(&places, 1, "203.0.113.9").unwrap()).collect();
        held[0].evicted().await;
        assert_eq!(places.lock().total, 2);
        let is_pending = tokio::time::timeout(std::time::Duration::ZERO, held[1].evicted()).await.is_err();
        assert!(is_pending);
        drop(held);
        let left = places.lock();
        assert!(left.total == 0 && left.by_owner.is_empty() && left.sessions.is_empty(), "{left:?}");
    }

    #[test]
    fn shares_hold_once_half_of_the_places_are_taken() {
        let places = places(32);
        // Half and one: no share applies before.
        let mut held: Vec<_> = (0..17).map(|n| take(&places, n, "203.0.113.9").unwrap()).collect();
        assert!(take(&places, 20, "203.0.113.9").is_none(), "the visitor has its sixteenth");
        assert!(take(&places, 20, "203.0.113.10").is_none(), "the /24 has its half");
        // A /64 has 2, a /56 has 4, a /48 has 16.
        for n in 0..4 {
            held.push(take(&places, 30 + n, &format!("2001:db8:0:{}::1", n / 2)).unwrap());
        }
        assert!(take(&places, 40, "2001:db8:0:1::2").is_none(), "the visitor");
        assert!(take(&places, 40, "2001:db8:0:2::2").is_none(), "the /56");
        held.push(take(&places, 41, "2001:db8:0:100::2").unwrap());
        for n in 0..10 {
            let place = take(&places, 50 + n, &format!("198.51.{n}.1"));
            held.extend(place);
        }
        assert_eq!(places.lock().total, 32);
        assert!(take(&places, 99, "192.0.2.1").is_none());
        held.clear();
        assert_eq!(places.lock().total, 0);
        assert!(take(&places, 20, "203.0.113.9").is_some());
    }

    #[test]
    fn a_deployment_has_half_of_the_places_if_there_are_several() {
        let places = places(32);
        let one = |n: u8| {
            let client = format!("198.51.{n}.1").parse().ok();
            places.take(session(n), client, Some(DeploymentKey::from_bits(1)))
        };
        let held: Vec<_> = (0..17).map(|n| one(n).unwrap()).collect();
        assert!(one(20).is_none());
        let only = places.take(session(21), "198.51.21.1".parse().ok(), None);
        assert!(only.is_some());
        drop(held);
    }
}
