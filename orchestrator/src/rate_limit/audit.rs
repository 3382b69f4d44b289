//! What is counted and logged of calls over a limit: each in the counter, and a log line a minute for each limit and
//! deployment.

use chrono::{DateTime, TimeDelta, Utc};
use prometheus_client::encoding::EncodeLabelSet;
use service_runtime::RequestContext;
use shared_types::DeploymentKey;

use super::{Limited, Mode, Policy, RateLimits};
use crate::{accounts::Deployment, expiring_map::ExpiringMap};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Labels {
    policy: &'static str,
    mode: &'static str,
}

impl RateLimits {
    /// Counts and logs a call over a limit: true if there was one. The error is returned only where the deployment's
    /// limits are enforced.
    pub fn record(
        &self,
        call: &RequestContext<'_>,
        deployment: &Deployment,
        taken: Result<(), Limited>,
    ) -> Result<bool, Limited> {
        let Err(limited) = taken else { return Ok(false) };
        let mode = deployment.rate_limits.mode;
        self.record_at(call, Some(deployment), mode, limited);
        match mode {
            Mode::Enforce => Err(limited),
            Mode::Log => Ok(true),
        }
    }

    /// The same at a route that has no deployment; there limits are enforced.
    pub fn record_of_account(
        &self,
        call: &RequestContext<'_>,
        taken: Result<(), Limited>,
    ) -> Result<(), Limited> {
        taken.inspect_err(|limited| self.record_at(call, None, Mode::Enforce, *limited))
    }

    fn record_at(
        &self,
        call: &RequestContext<'_>,
        deployment: Option<&Deployment>,
        mode: Mode,
        limited: Limited,
    ) {
        let (policy, mode) = (limited.policy, mode.as_str());
        self.limited.get_or_create(&Labels { policy: policy.as_str(), mode }).inc();
        let key = deployment.map_or(DeploymentKey::from_bits(0), |deployment| deployment.key);
        let Some(calls) = self.log_lines.count(policy, key, call.now) else { return };
        tracing::info!(
            target: "audit",
            event = "rate_limited",
            request_id = call.request_id.as_str(),
            trace_id = call.trace.trace_id().as_str(),
            account = call.account.map(tracing::field::display),
            address_sid = deployment.map(|deployment| tracing::field::display(deployment.address_sid)),
            policy = policy.as_str(),
            limit = limited.limit,
            mode,
            calls,
            "audit"
        );
    }
}

/// Of how many limits it is known when the last line was written. Beyond that there may be more lines.
const CAPACITY: usize = 10_000;

#[derive(Debug)]
pub(super) struct LogLines(ExpiringMap<Line>);

#[derive(Clone, Copy, Debug)]
struct Line {
    written_at: DateTime<Utc>,
    /// How many calls were over the limit since.
    since: u32,
}

impl LogLines {
    pub(super) fn new() -> Self {
        Self(ExpiringMap::new(TimeDelta::minutes(1), CAPACITY))
    }

    /// Counts a call over a limit. If a line is due, the number of calls that it stands for, this one included.
    pub(super) fn count(&self, policy: Policy, deployment: DeploymentKey, now: DateTime<Utc>) -> Option<u32> {
        let hash = self.0.hash((policy, deployment));
        let mut shard = self.0.shard(hash, now);
        let last = shard.find(hash);
        let (line, due) = match last {
            Some(last) if (now - last.written_at).abs() < TimeDelta::minutes(1) => {
                (Line { since: last.since.saturating_add(1), ..last }, None)
            }
            Some(Line { since, .. }) => (Line { written_at: now, since: 0 }, Some(since.saturating_add(1))),
            None => (Line { written_at: now, since: 0 }, Some(1)),
        };
        shard.put_and_forget(hash, line);
        due
    }
}
