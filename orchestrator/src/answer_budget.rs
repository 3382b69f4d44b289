//! Memory of answers in flight (contract, section 9). An answer is charged to its visitor before the store is read, and
//! released when its last byte has left the process: a visitor that does not read its answers is refused more of them, and
//! other visitors are not.

mod networks;

use std::{
    collections::HashMap,
    num::NonZeroUsize,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
};
use service_runtime::{Metrics, RequestContext};
use shared_types::orchestrator::list_messages::PAGE_BYTES;

use crate::{error::Error, once_per_minute::OncePerMinute, rate_limit, state::State};
use networks::{Networks, Share};

/// The most that one visitor holds, whatever the budget is.
const VISITOR_BYTES: usize = 256 * 1024;

/// The budget. One for all workers of a process.
#[derive(Debug)]
pub struct AnswerBudget {
    total: usize,
    held: Mutex<Held>,
    bytes: Gauge,
    refused: Family<Labels, Counter>,
    warned: OncePerMinute,
}

#[derive(Debug, Default)]
struct Held {
    total: usize,
    by_network: HashMap<networks::Network, NonZeroUsize>,
}

/// The part of the budget that one answer takes; dropping it gives it back.
#[derive(Debug)]
pub struct Reservation {
    budget: Arc<AnswerBudget>,
    networks: Networks,
    bytes: usize,
}

/// Too many bytes of answers are in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("over the budget of {limit} bytes of answers in flight of one {}", share.as_str())]
pub struct Exhausted {
    share: Share,
    limit: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    share: &'static str,
}

/// Refuses a call whose answer would have no room, before anything is done for it: calls of a visitor that reads no answers
/// cost nothing, in the services behind this one included. Nothing is reserved yet.
pub fn check(state: &State, call: &mut RequestContext<'_>, bytes: usize) -> Result<(), Error> {
    let networks = Networks::of(state.trusted_proxies.client_address(call));
    let room = state.answer_budget.room(&state.answer_budget.lock(), networks, bytes);
    room.map_err(|exhausted| refuse(state, call, exhausted))
}

/// Reserves memory for an answer of at most `bytes`.
pub fn reserve(state: &State, call: &mut RequestContext<'_>, bytes: usize) -> Result<(), Error> {
    let networks = Networks::of(state.trusted_proxies.client_address(call));
    match state.answer_budget.reserve(networks, bytes) {
        Ok(reservation) => {
            call.reserve(reservation);
            Ok(())
        }
        Err(exhausted) => Err(refuse(state, call, exhausted)),
    }
}

fn refuse(state: &State, call: &mut RequestContext<'_>, exhausted: Exhausted) -> Error {
    let (budget, Exhausted { share, limit }) = (&state.answer_budget, exhausted);
    budget.refused.get_or_create(&Labels { share: share.as_str() }).inc();
    if budget.warned.is_due(call.now) {
        tracing::warn!(share = share.as_str(), limit, "budget of answers in flight is full");
    }
    if exhausted.share == Share::Everybody {
        return Error::Overloaded(exhausted);
    }
    rate_limit::set_policy(call, &format!(r#""answer_bytes";q={};qu="content-bytes""#, exhausted.limit));
    Error::AnswersUnread(exhausted)
}

impl AnswerBudget {
    /// The least budget, of which a visitor's share holds one page of messages.
    pub const LEAST: usize = 16 * PAGE_BYTES;

    /// A budget of so many bytes, and its metrics.
    pub fn new(total: usize, metrics: &Metrics) -> Arc<Self> {
        let (bytes, refused) = (Gauge::default(), Family::default());
        metrics.register("answer_bytes", "Memory reserved for answers in flight", bytes.clone());
        metrics.register(
            "answers_refused",
            "Answers over the budget of answers in flight, by whose share",
            refused.clone(),
        );
        Arc::new(Self { total, held: Mutex::default(), bytes, refused, warned: OncePerMinute::default() })
    }

    fn reserve(self: &Arc<Self>, networks: Networks, bytes: usize) -> Result<Reservation, Exhausted> {
        let mut held = self.lock();
        self.room(&held, networks, bytes)?;
        let mut reservation = Reservation { budget: Arc::clone(self), networks, bytes: 0 };
        self.set(&mut held, &mut reservation, bytes);
        Ok(reservation)
    }

    /// Whether there is room for so many bytes more, or whose share is full.
    fn room(&self, held: &Held, networks: Networks, bytes: usize) -> Result<(), Exhausted> {
        let over = networks
            .iter()
            .find(|network| held.of(network) + bytes > self.limit(network.share()))
            .map(networks::Network::share)
            .or((held.total + bytes > self.total).then_some(Share::Everybody));
        over.map_or(Ok(()), |share| Err(Exhausted { share, limit: self.limit(share) }))
    }

    fn limit(&self, share: Share) -> usize {
        match share {
            Share::Visitor => VISITOR_BYTES.min(self.total / 16),
            Share::ReplyRouter => self.total / 8,
            Share::Neighbours => self.total / 4,
            Share::Everybody => self.total,
        }
    }

    fn set(&self, held: &mut Held, reservation: &mut Reservation, bytes: usize) {
        for network in reservation.networks.iter() {
            let now = held.of(network) + bytes - reservation.bytes;
            match NonZeroUsize::new(now) {
                Some(now) => held.by_network.insert(*network, now),
                None => held.by_network.remove(network),
            };
        }
        held.total = held.total + bytes - reservation.bytes;
        reservation.bytes = bytes;
        self.bytes.set(i64::try_from(held.total).unwrap_or(i64::MAX));
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    fn of(&self, network: &networks::Network) -> usize {
        self.by_network.get(network).map_or(0, |bytes| bytes.get())
    }
}

impl service_runtime::Reservation for Reservation {
    fn resize(&mut self, bytes: usize) {
        let budget = Arc::clone(&self.budget);
        budget.set(&mut budget.lock(), self, bytes);
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        service_runtime::Reservation::resize(self, 0);
    }
}

#[cfg(test)]
mod tests;
