//! The limits of visitors, networks and deployments, and how a request takes from them.

use std::{hash::Hash, net::IpAddr, num::NonZeroU32};

use chrono::{DateTime, Utc};
use governor::Quota;
use service_runtime::{Metrics, RequestContext};
use shared_types::{AccountSid, ApiKeySid};

use super::{
    audit::Audit,
    bucket::{Buckets, first_three_quarters, per_minute},
    charge::{Action, Charge},
    policy::{Limited, Policy},
    window::Windows,
};
use crate::{
    accounts::{Deployment, DeploymentLimits, limits::number},
    admission::networks::{self, Prefix, neighbours},
};

/// Recent usage of visitors, networks and deployments. One for all workers of a process.
#[derive(Debug)]
pub struct RateLimiter {
    /// Requests of the last minute. An attacker can use any number of visitors, fewer networks, and no made-up deployment:
    /// each kind has its own store and cannot evict the others.
    visitors: Buckets,
    networks: Buckets,
    deployments: Buckets,
    /// Bytes of the last hour.
    visitor_bytes: Windows,
    network_bytes: Windows,
    deployment_bytes: Windows,
    audit: Audit,
}

impl RateLimiter {
    /// Capacity for visitors' limits per minute, of which a visitor has up to three; as many of the minute before may
    /// still be stored. In bytes: 18 MB at most.
    ///
    /// Beyond that, the limits idle longest are evicted, and their visitors have full limits again. To cause that,
    /// an attacker needs many networks, each with limits of its own, and gains nothing by it; the limits of larger networks
    /// and of the deployment are stored separately and still hold.
    pub const VISITORS: usize = 400_000;

    /// The same for networks: 5 MB at most.
    const NETWORKS: usize = 100_000;

    /// The same for deployments, whose keys cannot be made up: at most those of the file are stored. As large as a file may
    /// well be, since beyond this the busy deployments would evict the others. In bytes: about 40 for each that was used
    /// in the last two minutes.
    const DEPLOYMENTS: usize = 1_000_000;

    /// Capacity for visitors that stored bytes in the last hour: 9 MB at most.
    const VISITORS_THAT_WRITE: usize = 50_000;

    /// The same for networks: 5 MB at most.
    const NETWORKS_THAT_WRITE: usize = 25_000;

    /// Requests with wrong credentials that one visitor may send in a minute.
    const REFUSED_CREDENTIALS: NonZeroU32 = number(10);

    /// Unused limits, and their counter in `metrics`.
    pub fn new(metrics: &Metrics) -> Self {
        Self::with_capacity(metrics, Self::VISITORS)
    }

    /// The same with this capacity instead of [`VISITORS`](Self::VISITORS).
    pub fn with_capacity(metrics: &Metrics, visitors: usize) -> Self {
        Self {
            visitors: Buckets::new(visitors),
            networks: Buckets::new(Self::NETWORKS),
            deployments: Buckets::new(Self::DEPLOYMENTS),
            visitor_bytes: Windows::new(Self::VISITORS_THAT_WRITE),
            network_bytes: Windows::new(Self::NETWORKS_THAT_WRITE),
            deployment_bytes: Windows::new(Self::DEPLOYMENTS),
            audit: Audit::new(metrics),
        }
    }

    /// Charges a request to the visitor's own limits. `client` is the visitor's address; requests of unknown address share
    /// one visitor's limits.
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
            Charge::Wait => {
                let waits = limits.visitor_waits_per_minute;
                take(Policy::VisitorWaits, waits.get(), per_minute(waits))
            }
            Charge::Authorize => {
                let asked = limits.visitor_authorize_per_minute;
                take(Policy::VisitorAuthorize, asked.get(), per_minute(asked))
            }
            Charge::Message => {
                take(Policy::VisitorCalls, calls.get(), per_minute(calls))?;
                self.visitor_message(deployment, client, now)
            }
        }
    }

    /// Charges a message to the visitor's limit of messages only.
    pub fn visitor_message(
        &self,
        deployment: &Deployment,
        client: Option<IpAddr>,
        now: DateTime<Utc>,
    ) -> Result<(), Limited> {
        let limits = &deployment.rate_limits;
        let messages = limits.visitor_messages_per_minute;
        let quota = per_minute(messages).allow_burst(limits.visitor_messages_burst);
        let policy = Policy::VisitorMessages;
        self.take_visitor(policy, deployment.key, client, messages.get(), quota, now)
    }

    /// Charges a request to the visitor's limit at a route that has no deployment: the default limit, for each account.
    pub fn visitor_of_account(
        &self,
        account: AccountSid,
        client: Option<IpAddr>,
        now: DateTime<Utc>,
    ) -> Result<(), Limited> {
        let limit = DeploymentLimits::default().visitor_calls_per_minute;
        let account = ("account", account);
        self.take_visitor(Policy::VisitorCalls, account, client, limit.get(), per_minute(limit), now)
    }

    /// Charges a request to the limit of an API key. Stored with the deployments: strangers cannot make up API keys either,
    /// so they cannot evict the limit.
    pub fn api_key(&self, key: ApiKeySid, limit: NonZeroU32, now: DateTime<Utc>) -> Result<(), Limited> {
        let policy = Policy::ApiKeyCalls;
        let hash = self.deployments.hash((policy, key));
        self.deployments.take(hash, per_minute(limit), Action::Take, now).map_err(|retry_after| Limited {
            policy,
            limit: limit.get(),
            retry_after,
        })
    }

    /// Charges a request with wrong credentials to its visitor: 10 a minute. Never to the API key that it names, so that a
    /// stranger cannot lock out its owner.
    pub fn refused_credentials(&self, client: Option<IpAddr>, now: DateTime<Utc>) -> Result<(), Limited> {
        let limit = Self::REFUSED_CREDENTIALS;
        self.take_visitor(Policy::RefusedCredentials, (), client, limit.get(), per_minute(limit), now)
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
        self.visitors.take(hash, quota, Action::Take, now).map_err(|retry_after| Limited {
            policy,
            limit,
            retry_after,
        })
    }

    /// Peeks at the deployment's limit of sessions, or takes one from it.
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
                let limit = limits.visitor_creates_per_minute.saturating_mul(factor(limits, prefix));
                (Policy::creates_of(prefix), self.networks.hash((deployment.key, prefix, network)), limit)
            })
        };
        let is_open = first_three_quarters(limit)
            .is_some_and(|quota| self.deployments.take(everybody, quota, action, now).is_ok());
        if !is_open {
            for (policy, network, limit) in networks() {
                self.networks
                    .take(network, per_minute(limit), Action::Peek, now)
                    .map_err(|retry_after| Limited { policy, limit: limit.get(), retry_after })?;
            }
            let policy = Policy::Creates;
            self.deployments
                .take(everybody, per_minute(limit), action, now)
                .map_err(|retry_after| Limited { policy, limit: limit.get(), retry_after })?;
        }
        if action == Action::Take {
            for (_, network, limit) in networks() {
                // Usage before the last quarter counts too; a network over its limit stays at its limit.
                let _ = self.networks.take(network, per_minute(limit), Action::Take, now);
            }
        }
        Ok(())
    }

    /// Peeks at the visitor's and the deployment's budgets for `bytes` to store, or takes them.
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
                let limit = share.saturating_mul(factor(limits, prefix).get());
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
        own(Action::Peek)?;
        let open = whole - whole.div_ceil(4);
        if self.deployment_bytes.take(everybody, open, bytes, action, now).is_err() {
            for (policy, network, limit) in networks() {
                let peeked = self.network_bytes.take(network, limit, bytes, Action::Peek, now);
                peeked.map_err(limited(policy, limit))?;
            }
            let taken = self.deployment_bytes.take(everybody, whole, bytes, action, now);
            taken.map_err(limited(Policy::GuestBytes, whole))?;
        }
        if action == Action::Take {
            own(Action::Take)?;
            for (_, network, _) in networks() {
                self.network_bytes.count(network, bytes, now);
            }
        }
        Ok(())
    }

    /// Counts and logs a request over a limit. Returns true if it was over a limit that is only logged; the error if
    /// limits are enforced.
    pub fn record(
        &self,
        context: &RequestContext<'_>,
        deployment: &Deployment,
        taken: Result<(), Limited>,
    ) -> Result<bool, Limited> {
        self.audit.record(context, deployment, taken)
    }

    /// The same at a route that has no deployment; there, limits are enforced.
    pub fn record_of_account(
        &self,
        context: &RequestContext<'_>,
        taken: Result<(), Limited>,
    ) -> Result<(), Limited> {
        self.audit.record_of_account(context, taken)
    }

    /// The same at the desk's listener; `key` is the API key of [`api_key`](Self::api_key).
    pub fn record_of_desk(
        &self,
        context: &RequestContext<'_>,
        key: Option<ApiKeySid>,
        taken: Result<(), Limited>,
    ) -> Result<(), Limited> {
        self.audit.record_of_desk(context, key, taken)
    }

    /// Number of stored limits.
    pub fn remembered(&self) -> usize {
        let minutes = self.visitors.len() + self.networks.len() + self.deployments.len();
        minutes + self.visitor_bytes.len() + self.network_bytes.len() + self.deployment_bytes.len()
    }
}

/// The multiple of a visitor's limit that a network of this size may use.
fn factor(limits: &DeploymentLimits, prefix: Prefix) -> NonZeroU32 {
    let [_, v6_of_56, larger] = limits.nested;
    match prefix {
        Prefix::V6Of56 => v6_of_56,
        Prefix::V6Of48 | Prefix::V4Of24 => larger,
    }
}
