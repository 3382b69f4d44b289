//! Load shedding. A worker serves a bounded number of requests at a time and answers 503 to the rest at once, because a
//! queue would make all of them late. Once three quarters of the slots are taken, one client has at most two: heavy
//! clients are rejected first.

use std::{
    cell::RefCell,
    collections::{HashMap, hash_map::Entry},
    net::IpAddr,
    rc::Rc,
    time::{Duration, Instant},
};

/// Slots per client once three quarters of all are taken.
const PER_CLIENT: usize = 2;

/// Minimum time between two log lines about rejected requests.
const LOG_PERIOD: Duration = Duration::from_secs(60);

/// The requests that a worker is serving. Cheap to clone; clones share the slots.
#[derive(Clone, Debug)]
pub(crate) struct InFlight {
    limit: usize,
    taken: Rc<RefCell<Taken>>,
}

#[derive(Debug, Default)]
struct Taken {
    total: usize,
    logged: Option<Instant>,
    by_client: HashMap<IpAddr, usize>,
}

/// A slot for one request, released on drop.
#[derive(Debug)]
pub(crate) struct Slot {
    taken: Rc<RefCell<Taken>>,
    client: Option<IpAddr>,
}

impl InFlight {
    /// At most `limit` requests at a time.
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, taken: Rc::default() }
    }

    /// Takes a slot; `None` if the worker is overloaded. With `client`, the client's own limit applies too.
    pub(crate) fn take(&self, client: Option<IpAddr>) -> Option<Slot> {
        let mut taken = self.taken.borrow_mut();
        if taken.total >= self.limit {
            return None;
        }
        if let Some(client) = client {
            let is_lightly_loaded = taken.total < self.limit / 4 * 3;
            let client_slots = taken.by_client.entry(client).or_default();
            if *client_slots >= PER_CLIENT && !is_lightly_loaded {
                return None;
            }
            *client_slots += 1;
        }
        taken.total += 1;
        drop(taken);
        Some(Slot { taken: Rc::clone(&self.taken), client })
    }

    /// Logs that requests are rejected, at most once a minute.
    pub(crate) fn record_rejection(&self, service: &'static str) {
        let logged = &mut self.taken.borrow_mut().logged;
        if logged.is_none_or(|logged| logged.elapsed() >= LOG_PERIOD) {
            *logged = Some(Instant::now());
            tracing::warn!(service, limit = self.limit, "overloaded: requests are answered 503");
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut taken = self.taken.borrow_mut();
        taken.total -= 1;
        if let Some(client) = self.client
            && let Entry::Occupied(mut client_slots) = taken.by_client.entry(client)
        {
            *client_slots.get_mut() -= 1;
            if *client_slots.get() == 0 {
                client_slots.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_has_two_requests_once_three_quarters_are_taken() {
        let in_flight = InFlight::new(32);
        let client = |n: u8| Some(IpAddr::from([203, 0, 113, n]));
        let mut held: Vec<_> = (0..24).map(|_| in_flight.take(client(1)).unwrap()).collect();
        assert!(in_flight.take(client(1)).is_none());
        for n in 2..=5 {
            held.extend([in_flight.take(client(n)).unwrap(), in_flight.take(client(n)).unwrap()]);
            assert!(in_flight.take(client(n)).is_none());
        }
        assert_eq!(held.len(), 32);
        assert!(in_flight.take(client(99)).is_none());
        assert!(in_flight.take(None).is_none());
        held.clear();
        assert!(in_flight.taken.borrow().by_client.is_empty());
        let unlimited: Vec<_> = (0..32).map(|_| in_flight.take(None).unwrap()).collect();
        assert!(in_flight.take(None).is_none());
        drop(unlimited);
    }
}
