//! Places of waiting requests (contract, section 12): as many as memory bears, two for each session. Once more than half are
//! taken, a visitor, its networks and a deployment have shares, so that no client can take them all.

use std::{
    collections::{HashMap, VecDeque, hash_map::Entry},
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
};
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
    refused: Family<Labels, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    share: &'static str,
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
    /// `limit` places, with their metrics.
    pub fn new(limit: usize, metrics: &Metrics) -> Arc<Self> {
        let (places, waiting, refused) = (Gauge::<i64>::default(), Gauge::default(), Family::default());
        places.set(i64::try_from(limit).unwrap_or(i64::MAX));
        metrics.register("waiting_places", "Places of requests that wait for a message", places);
        metrics.register("guests_waiting", "Requests that wait for a message", waiting.clone());
        metrics.register(
            "waits_refused",
            "Requests that could not wait for a message, by whose share of the places was taken",
            refused.clone(),
        );
        drop(refused.get_or_create(&Labels { share: "everybody" }));
        Arc::new(Self { limit, held: Mutex::default(), waiting, refused })
    }

    /// Takes a place for a request of `session`, from `client`. A third place of a session replaces its oldest one. `None`
    /// if there is none, or a share is exhausted; the session then keeps its places. `deployment` is `None` if it is the
    /// only one.
    pub fn take(
        self: &Arc<Self>,
        session: SessionId,
        client: Option<IpAddr>,
        deployment: Option<DeploymentKey>,
    ) -> Option<Place> {
        let owners = owners(client, deployment);
        let mut held = self.lock();
        if let Some(share) = self.exhausted(&held, session, owners) {
            drop(held);
            self.refused.get_or_create(&Labels { share }).inc();
            return None;
        }
        let places = held.sessions.get_mut(&session).filter(|places| places.len() >= PER_SESSION);
        if let Some(replaced) = places.and_then(VecDeque::pop_front) {
            replaced.evicted.notify_one();
            held.release(&replaced.owners);
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

    /// The share that has no place for a request of `session`, without the place that the request would replace.
    fn exhausted(&self, held: &Held, session: SessionId, owners: [Option<Owner>; 4]) -> Option<&'static str> {
        let places = held.sessions.get(&session).filter(|places| places.len() >= PER_SESSION);
        let replaced = places.and_then(VecDeque::front);
        let total = held.total - usize::from(replaced.is_some());
        if total >= self.limit {
            return Some("everybody");
        }
        let is_over = |owner: &&Owner| {
            let released = replaced.is_some_and(|replaced| replaced.owners.contains(&Some(**owner)));
            let taken = held.by_owner.get(owner).map_or(0, |taken| taken - usize::from(released));
            taken >= owner.share(self.limit)
        };
        let is_crowded = total * 2 > self.limit;
        owners.iter().flatten().find(is_over).filter(|_| is_crowded).map(|owner| owner.name())
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

    /// The label of its share.
    fn name(self) -> &'static str {
        match self {
            Owner::Visitor(_) => "visitor",
            Owner::Network(Prefix::V6Of56, _) => "home",
            Owner::Network(Prefix::V4Of24 | Prefix::V6Of48, _) => "neighbours",
            Owner::Deployment(_) => "deployment",
        }
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
mod tests;
