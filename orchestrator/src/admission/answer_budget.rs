//! Memory budget for responses in flight (contract, section 9). A response is charged to its visitor or API key
//! before the store is read, and released when its last byte has left the process. A client that does not read its
//! responses exhausts only its own share.

mod shares;

use std::{
    collections::HashMap,
    net::IpAddr,
    num::NonZeroUsize,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use actix_web::http::header::{HeaderName, HeaderValue};
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
};
use service_runtime::{Metrics, RequestContext};
use shared_types::{ApiKeySid, orchestrator::list_messages::PAGE_BYTES};

use self::shares::{Owner, Owners, Share};
use crate::once_per_minute::OncePerMinute;

/// Maximum share of one visitor, whatever the budget is.
const VISITOR_BYTES: usize = 256 * 1024;

/// Maximum share of one API key.
const API_KEY_BYTES: usize = 1024 * 1024;

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
    by_owner: HashMap<Owner, NonZeroUsize>,
}

/// The reservation of one response. Dropping it releases the bytes.
#[derive(Debug)]
pub struct Reservation {
    budget: Arc<AnswerBudget>,
    owners: Owners,
    bytes: usize,
}

/// A share of the budget is exhausted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("over the budget of {limit} bytes of responses in flight, share `{}`", share.as_str())]
pub struct Exhausted {
    share: Share,
    limit: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    share: &'static str,
}

/// Rejects a request whose response would exceed the budget, before any work is done for it: requests of a visitor that
/// does not read its responses cost nothing, in upstream services included. Reserves nothing yet.
pub fn check(
    budget: &AnswerBudget,
    context: &mut RequestContext<'_>,
    client: Option<IpAddr>,
    bytes: usize,
) -> Result<(), Exhausted> {
    let checked = budget.check(&budget.lock(), Owners::of_client(client), bytes);
    checked.inspect_err(|exhausted| budget.record(context, *exhausted))
}

/// Reserves memory for a response of at most `bytes`.
pub fn reserve(
    budget: &Arc<AnswerBudget>,
    context: &mut RequestContext<'_>,
    client: Option<IpAddr>,
    bytes: usize,
) -> Result<(), Exhausted> {
    budget.reserve_for(context, Owners::of_client(client), bytes)
}

/// The same for a request with an API key.
pub fn reserve_api_key(
    budget: &Arc<AnswerBudget>,
    context: &mut RequestContext<'_>,
    key: ApiKeySid,
    bytes: usize,
) -> Result<(), Exhausted> {
    budget.reserve_for(context, Owners::of_api_key(key), bytes)
}

impl Exhausted {
    /// Whether the whole budget is exhausted, not the share of this client.
    pub fn is_everybodys(self) -> bool {
        self.share == Share::Everybody
    }
}

impl AnswerBudget {
    /// Minimum budget: a visitor's share of it holds one page of messages.
    pub const MIN: usize = 16 * PAGE_BYTES;

    /// A budget of `total` bytes, with its metrics.
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

    /// Counts and logs a rejected response, and sets `RateLimit-Policy` unless the whole budget is exhausted.
    fn record(&self, context: &mut RequestContext<'_>, Exhausted { share, limit }: Exhausted) {
        self.refused.get_or_create(&Labels { share: share.as_str() }).inc();
        if self.warned.is_due(context.now) {
            tracing::warn!(share = share.as_str(), limit, "budget of responses in flight is exhausted");
        }
        if share != Share::Everybody {
            let policy = format!(r#""answer_bytes";q={limit};qu="content-bytes""#);
            if let Ok(policy) = HeaderValue::try_from(policy) {
                context.set_answer_header(HeaderName::from_static("ratelimit-policy"), policy);
            }
        }
    }

    fn reserve_for(
        self: &Arc<Self>,
        context: &mut RequestContext<'_>,
        owners: Owners,
        bytes: usize,
    ) -> Result<(), Exhausted> {
        let reserved = self.reserve(owners, bytes);
        let reservation = reserved.inspect_err(|exhausted| self.record(context, *exhausted))?;
        context.reserve(reservation);
        Ok(())
    }

    fn reserve(self: &Arc<Self>, owners: Owners, bytes: usize) -> Result<Reservation, Exhausted> {
        let mut held = self.lock();
        self.check(&held, owners, bytes)?;
        let mut reservation = Reservation { budget: Arc::clone(self), owners, bytes: 0 };
        self.set(&mut held, &mut reservation, bytes);
        Ok(reservation)
    }

    /// Checks that `bytes` more fit into every share; the error names the first that is exhausted.
    fn check(&self, held: &Held, owners: Owners, bytes: usize) -> Result<(), Exhausted> {
        let over = owners
            .iter()
            .find(|owner| held.of(owner) + bytes > self.limit(owner.share()))
            .map(Owner::share)
            .or((held.total + bytes > self.total).then_some(Share::Everybody));
        over.map_or(Ok(()), |share| Err(Exhausted { share, limit: self.limit(share) }))
    }

    fn limit(&self, share: Share) -> usize {
        match share {
            Share::Visitor => VISITOR_BYTES.min(self.total / 16),
            Share::Household => self.total / 8,
            Share::Neighbours => self.total / 4,
            Share::ApiKey => API_KEY_BYTES.min(self.total / 4),
            Share::Everybody => self.total,
        }
    }

    fn set(&self, held: &mut Held, reservation: &mut Reservation, bytes: usize) {
        for owner in reservation.owners.iter() {
            let now = held.of(owner) + bytes - reservation.bytes;
            match NonZeroUsize::new(now) {
                Some(now) => held.by_owner.insert(*owner, now),
                None => held.by_owner.remove(owner),
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
    fn of(&self, owner: &Owner) -> usize {
        self.by_owner.get(owner).map_or(0, |bytes| bytes.get())
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
