//! Audit of requests over a limit: a counter, and at most one log line a minute for each limit and its
//! deployment or API key.

use chrono::{DateTime, TimeDelta, Utc};
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family},
};
use service_runtime::{Metrics, RequestContext};
use shared_types::{ApiKeySid, DeploymentKey};

use super::policy::{Limited, Policy};
use crate::{
    accounts::{Deployment, RateLimitMode},
    expiring_map::ExpiringMap,
};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Labels {
    policy: &'static str,
    mode: &'static str,
}

/// The counter and the log of requests over a limit.
#[derive(Debug)]
pub(super) struct Audit {
    log_lines: LogLines,
    limited: Family<Labels, Counter>,
}

impl Audit {
    pub(super) fn new(metrics: &Metrics) -> Self {
        let limited = Family::default();
        metrics.register("rate_limited", "Requests over a limit, rejected or only logged", limited.clone());
        Self { log_lines: LogLines::new(), limited }
    }

    pub(super) fn record(
        &self,
        context: &RequestContext<'_>,
        deployment: &Deployment,
        taken: Result<(), Limited>,
    ) -> Result<bool, Limited> {
        let Err(limited) = taken else { return Ok(false) };
        let mode = deployment.rate_limits.mode;
        self.record_at(context, Owner::Deployment(deployment), mode, limited);
        match mode {
            RateLimitMode::Enforce => Err(limited),
            RateLimitMode::Log => Ok(true),
        }
    }

    pub(super) fn record_of_account(
        &self,
        context: &RequestContext<'_>,
        taken: Result<(), Limited>,
    ) -> Result<(), Limited> {
        taken.inspect_err(|limited| self.record_at(context, Owner::None, RateLimitMode::Enforce, *limited))
    }

    pub(super) fn record_of_desk(
        &self,
        context: &RequestContext<'_>,
        key: Option<ApiKeySid>,
        taken: Result<(), Limited>,
    ) -> Result<(), Limited> {
        let owner = key.map_or(Owner::None, Owner::ApiKey);
        taken.inspect_err(|limited| self.record_at(context, owner, RateLimitMode::Enforce, *limited))
    }

    fn record_at(
        &self,
        context: &RequestContext<'_>,
        owner: Owner<'_>,
        mode: RateLimitMode,
        limited: Limited,
    ) {
        let (policy, mode) = (limited.policy, mode.as_str());
        self.limited.get_or_create(&Labels { policy: policy.as_str(), mode }).inc();
        let Some(calls) = self.log_lines.count(policy, owner.id(), context.now) else { return };
        let (address_sid, api_key) = match owner {
            Owner::Deployment(deployment) => (Some(deployment.address_sid), None),
            Owner::ApiKey(sid) => (None, Some(sid)),
            Owner::None => (None, None),
        };
        tracing::info!(
            target: "audit",
            event = "rate_limited",
            request_id = context.request_id.as_str(),
            trace_id = %context.trace.trace_id,
            account = context.account.map(tracing::field::display),
            address_sid = address_sid.map(tracing::field::display),
            api_key = api_key.map(tracing::field::display),
            policy = policy.as_str(),
            limit = limited.limit,
            mode,
            calls,
            "audit"
        );
    }
}

/// Whose limit it is. Limits of visitors at a deployment count as the deployment's.
#[derive(Clone, Copy)]
enum Owner<'d> {
    Deployment(&'d Deployment),
    ApiKey(ApiKeySid),
    /// Visitors at a route that has no deployment.
    None,
}

/// The identifier of an owner.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum OwnerId {
    Deployment(DeploymentKey),
    ApiKey(ApiKeySid),
    None,
}

impl Owner<'_> {
    fn id(self) -> OwnerId {
        match self {
            Owner::Deployment(deployment) => OwnerId::Deployment(deployment.key),
            Owner::ApiKey(sid) => OwnerId::ApiKey(sid),
            Owner::None => OwnerId::None,
        }
    }
}

/// Capacity for limits whose last line is known. Beyond that, more lines may be written.
const CAPACITY: usize = 10_000;

#[derive(Debug)]
struct LogLines(ExpiringMap<Line>);

#[derive(Clone, Copy, Debug)]
struct Line {
    written_at: DateTime<Utc>,
    /// Number of requests over the limit since.
    since: u32,
}

impl LogLines {
    fn new() -> Self {
        Self(ExpiringMap::new(TimeDelta::minutes(1), CAPACITY))
    }

    /// Counts a request over a limit. If a line is due, returns the number of requests that it covers, including this one.
    fn count(&self, policy: Policy, owner: OwnerId, now: DateTime<Utc>) -> Option<u32> {
        let hash = self.0.hash((policy, owner));
        let mut shard = self.0.shard(hash, now);
        let last = shard.find(hash);
        let (line, due) = match last {
            Some(last) if (now - last.written_at).abs() < TimeDelta::minutes(1) => {
                (Line { since: last.since.saturating_add(1), ..last }, None)
            }
            Some(Line { since, .. }) => (Line { written_at: now, since: 0 }, Some(since.saturating_add(1))),
            None => (Line { written_at: now, since: 0 }, Some(1)),
        };
        shard.insert_or_evict(hash, line);
        due
    }
}
