//! How often visitors and deployments may call, and how much guests may have stored (contract, section 9).
//!
//! A visitor is an IPv4 address or an IPv6 /64 at a deployment. Its own limits are tight and refuse by themselves. A
//! deployment's limits are wide; their last quarter is kept for networks (/24, /56, /48) that took little lately, so
//! that a household, a company or a rented range that uses up the rest does not shut strangers out. A call that a
//! visitor's limit refuses is not counted by the deployment's.
//!
//! Limits are a replica's own: of two replicas behind one gateway, each grants them.

mod audit;
mod bucket;
mod limits;
mod policy;
mod window;

use std::{hash::Hash, net::IpAddr, num::NonZeroU32};

use actix_web::http::header::{HeaderName, HeaderValue};
use chrono::{DateTime, Utc};
use governor::Quota;
use prometheus_client::metrics::{counter::Counter, family::Family};
use service_runtime::{Metrics, RequestContext};
use shared_types::AccountSid;

use crate::{
    accounts::Deployment,
    networks::{self, neighbours},
};
use audit::{Labels, LogLines};
use bucket::{Buckets, first_three_quarters, per_minute};
pub use limits::{GuestBytes, Limits, Mode};
pub use policy::{Limited, Policy};
use window::Windows;

/// What visitors and deployments have used lately. One for all workers of a process.
#[derive(Debug)]
pub struct RateLimits {
    /// Calls in the last minute. Visitors can be made up in any number, networks less so, deployments not at all: each
    /// has a store of its own and cannot evict the others.
    visitors: Buckets,
    networks: Buckets,
    deployments: Buckets,
    /// Bytes in the last hour.
    visitor_bytes: Windows,
    network_bytes: Windows,
    deployment_bytes: Windows,
    log_lines: LogLines,
    limited: Family<Labels, Counter>,
}

/// What a call is charged to its visitor as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charge {
    /// It creates a session.
    Create,
    /// Any other call.
    Call,
    /// The same; it sends a message.
    Message,
}

/// Whether a limit is taken from, or only looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Nothing is taken.
    Look,
    /// What is asked for is taken, if it is there.
    Charge,
}

impl RateLimits {
    /// How many limits of visitors are stored for a minute, of which a visitor has up to three; as many of the minute
    /// before may still be there. In bytes: 18 MB at most.
    ///
    /// Beyond that the ones that were idle longest are evicted, and their visitors have full limits again. To bring that
    /// about takes so many networks, each with limits of its own, that it gains nothing; the limits of larger networks
    /// and of the deployment are stored elsewhere and hold.
    pub const VISITORS: usize = 400_000;

    /// The same for networks: 5 MB at most.
    const NETWORKS: usize = 100_000;

    /// The same for deployments, whose keys cannot be made up: more than are in the file are never stored. As many
    /// as a file may well have, since beyond this the deployments that are called a lot would evict the others.
    /// In bytes: some 40 for each that was called in the last two minutes.
    const DEPLOYMENTS: usize = 1_000_000;

    /// Visitors that had something stored in the last hour: 9 MB at most.
    const VISITORS_THAT_WRITE: usize = 50_000;

    /// The same for networks: 5 MB at most.
    const NETWORKS_THAT_WRITE: usize = 25_000;

    /// Limits that are unused, and their counter in `metrics`.
    pub fn new(metrics: &Metrics) -> Self {
        Self::with_capacity(metrics, Self::VISITORS)
    }

    /// The same, with another number in place of [`VISITORS`](Self::VISITORS).
    pub fn with_capacity(metrics: &Metrics, visitors: usize) -> Self {
        let limited = Family::default();
        metrics.register("rate_limited", "Calls over a limit, refused or only counted", limited.clone());
        Self {
            visitors: Buckets::new(visitors),
            networks: Buckets::new(Self::NETWORKS),
            deployments: Buckets::new(Self::DEPLOYMENTS),
            visitor_bytes: Windows::new(Self::VISITORS_THAT_WRITE),
            network_bytes: Windows::new(Self::NETWORKS_THAT_WRITE),
            deployment_bytes: Windows::new(Self::DEPLOYMENTS),
            log_lines: LogLines::new(),
            limited,
        }
    }

    /// Takes a call from the visitor's own limits. `client` is the visitor's address; calls whose address is not known
    /// are one visitor's.
    pub fn visitor(
        &self,
        deployment: &Deployment,
        client: Option<IpAddr>,
        charge: Charge,
        now: DateTime<Utc>,
    ) -> Result<(), Limited> {
        let limits = &deployment.rate_limits;
        let take =
            |policy, limit, quota| self.take_visitor(policy, deployment.key, client, limit, quota, now);
        let creates = limits.visitor_creates_per_minute;
        let calls = limits.visitor_calls_per_minute;
        match charge {
            Charge::Create => take(Policy::VisitorCreates, creates.get(), per_minute(creates)),
            Charge::Call => take(Policy::VisitorCalls, calls.get(), per_minute(calls)),
            Charge::Message => {
                take(Policy::VisitorCalls, calls.get(), per_minute(calls))?;
                let messages = limits.visitor_messages_per_minute;
                let quota = per_minute(messages).allow_burst(limits.visitor_messages_burst);
                take(Policy::VisitorMessages, messages.get(), quota)
            }
        }
    }

    /// Takes a call from the visitor's limit at a route that has no deployment; it is the default, at each account.
    pub fn visitor_of_account(
        &self,
        account: AccountSid,
        client: Option<IpAddr>,
        now: DateTime<Utc>,
    ) -> Result<(), Limited> {
        let limit = Limits::default().visitor_calls_per_minute;
        let account = ("account", account);
        self.take_visitor(Policy::VisitorCalls, account, client, limit.get(), per_minute(limit), now)
    }

    fn take_visitor(
        &self,
        policy: Policy,
        at: impl Hash,
        client: Option<IpAddr>,
        limit: u32,
        quota: Quota,
        now: DateTime<Utc>,
    ) -> Result<(), Limited> {
        let hash = self.visitors.hash((policy, at, networks::visitor(client)));
        self.visitors.take(hash, quota, Action::Charge, now).map_err(|retry_after| Limited {
            policy,
            limit,
            retry_after,
        })
    }

    /// Looks at the deployment's limit of sessions, or takes one from it.
    pub fn creates(
        &self,
        deployment: &Deployment,
        client: Option<IpAddr>,
        action: Action,
        now: DateTime<Utc>,
    ) -> Result<(), Limited> {
        let limits = &deployment.rate_limits;
        let limit = limits.creates_per_minute;
        let everybody = self.deployments.hash(deployment.key);
        let networks = || {
            neighbours(client).map(|(prefix, network)| {
                let limit = limits.visitor_creates_per_minute.saturating_mul(limits.factor(prefix));
                (Policy::creates_of(prefix), self.networks.hash((deployment.key, prefix, network)), limit)
            })
        };
        let is_open = first_three_quarters(limit)
            .is_some_and(|quota| self.deployments.take(everybody, quota, action, now).is_ok());
        if !is_open {
            for (policy, network, limit) in networks() {
                self.networks
                    .take(network, per_minute(limit), Action::Look, now)
                    .map_err(|retry_after| Limited { policy, limit: limit.get(), retry_after })?;
            }
            let policy = Policy::Creates;
            self.deployments
                .take(everybody, per_minute(limit), action, now)
                .map_err(|retry_after| Limited { policy, limit: limit.get(), retry_after })?;
        }
        if action == Action::Charge {
            for (_, network, limit) in networks() {
                // What a network takes before the last quarter counts too; over its limit it stays at its limit.
                let _ = self.networks.take(network, per_minute(limit), Action::Charge, now);
            }
        }
        Ok(())
    }

    /// Looks at the visitor's and the deployment's budgets for `bytes` that a guest wants stored, or takes them.
    pub fn guest_bytes(
        &self,
        deployment: &Deployment,
        client: Option<IpAddr>,
        bytes: u32,
        action: Action,
        now: DateTime<Utc>,
    ) -> Result<(), Limited> {
        let (budget, limits) = (deployment.guest_bytes_per_hour, &deployment.rate_limits);
        let limited = |policy, limit| move |retry_after| Limited { policy, limit, retry_after };
        let (whole, share) = (budget.whole(), budget.share());
        let visitor = self.visitor_bytes.hash((deployment.key, networks::visitor(client)));
        let everybody = self.deployment_bytes.hash(deployment.key);
        let networks = || {
            neighbours(client).map(|(prefix, network)| {
                let limit = share.saturating_mul(limits.factor(prefix).get());
                (
                    Policy::guest_bytes_of(prefix),
                    self.network_bytes.hash((deployment.key, prefix, network)),
                    limit,
                )
            })
        };
        let own = |action| {
            let taken = self.visitor_bytes.take(visitor, share, bytes, action, now);
            taken.map_err(limited(Policy::VisitorGuestBytes, share))
        };
        own(Action::Look)?;
        let open = whole - whole.div_ceil(4);
        if self.deployment_bytes.take(everybody, open, bytes, action, now).is_err() {
            for (policy, network, limit) in networks() {
                let looked = self.network_bytes.take(network, limit, bytes, Action::Look, now);
                looked.map_err(limited(policy, limit))?;
            }
            let taken = self.deployment_bytes.take(everybody, whole, bytes, action, now);
            taken.map_err(limited(Policy::GuestBytes, whole))?;
        }
        if action == Action::Charge {
            own(Action::Charge)?;
            for (_, network, _) in networks() {
                self.network_bytes.count(network, bytes, now);
            }
        }
        Ok(())
    }

    /// How many limits are stored.
    pub fn remembered(&self) -> usize {
        let minutes = self.visitors.len() + self.networks.len() + self.deployments.len();
        minutes + self.visitor_bytes.len() + self.network_bytes.len() + self.deployment_bytes.len()
    }
}

impl Limits {
    fn factor(&self, prefix: networks::Prefix) -> NonZeroU32 {
        let [_, v6_of_56, larger] = self.nested;
        match prefix {
            networks::Prefix::V6Of56 => v6_of_56,
            networks::Prefix::V6Of48 | networks::Prefix::V4Of24 => larger,
        }
    }
}

/// Sets `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers).
pub fn set_policy(call: &mut RequestContext<'_>, policy: &str) {
    if let Ok(value) = HeaderValue::from_str(policy) {
        call.set_answer_header(HeaderName::from_static("ratelimit-policy"), value);
    }
}
