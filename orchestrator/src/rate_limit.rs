//! How often a visitor and a deployment may call: GCRA as `governor` has it, over what `recent`
//! remembers. A visitor's limit comes first and is tight, the deployment's is wide; a call that the first one turns
//! away is not counted by the second, so that nobody can shut a site's other visitors out by being refused.
//!
//! A visitor is a deployment and a network: an IPv4 address, or the /64 of an IPv6 address, which is what one
//! subscriber has all of. Limits are a replica's own: of two replicas behind one gateway, each grants them.

mod bucket;
mod limits;

use std::{
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    time::Duration,
};

use actix_web::http::header::{HeaderName, HeaderValue};
use chrono::{DateTime, Utc};
use prometheus_client::{encoding::EncodeLabelSet, metrics::counter::Counter, metrics::family::Family};
use service_runtime::{Call, Metrics};

use crate::accounts::Deployment;
use bucket::Buckets;
pub use limits::{Limits, Mode};

/// What visitors and deployments have spent lately. One for all workers of a process.
#[derive(Debug)]
pub struct RateLimits {
    visitors: Buckets,
    // Apart from the visitors, who can be made up in any number and must not crowd a deployment out.
    deployments: Buckets,
    limited: Family<Labels, Counter>,
}

/// A call that is one too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("over the limit `{}` of {limit} a minute", policy.as_str())]
pub struct Limited {
    /// Which limit.
    pub policy: Policy,
    /// How many calls it grants in a minute, and at once.
    pub limit: NonZeroU32,
    /// In how long it grants the next one.
    pub retry_after: Duration,
}

/// The limits, by the names that they have in `accounts.toml`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Sessions that a visitor creates.
    VisitorCreates,
    /// All other calls of a visitor.
    VisitorCalls,
    /// Sessions that all visitors of a deployment create.
    Creates,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    policy: &'static str,
    mode: &'static str,
}

impl RateLimits {
    /// How many limits of visitors are remembered for a minute, of which a visitor has up to two; as many of the minute
    /// before may still be there. In bytes: 18 MB at most.
    ///
    /// Beyond that the ones that were idle longest are forgotten early, and whoever is forgotten has full limits
    /// again. To bring that about takes so many networks, each with limits of its own, that it gains nothing; the
    /// deployment's limit is kept elsewhere and holds.
    pub const VISITORS: usize = 400_000;

    /// The same for deployments, whose keys nobody can make up: more than are in the file are never remembered. As many
    /// as a file may well have, since beyond this the deployments that are called a lot would have the others forgotten.
    /// In bytes: some 40 for each that was called in the last two minutes.
    const DEPLOYMENTS: usize = 1_000_000;

    /// Limits that nobody has touched, and their counter in `metrics`.
    pub fn new(metrics: &Metrics) -> Self {
        Self::with_capacity(metrics, Self::VISITORS)
    }

    /// The same, with another number in place of [`VISITORS`](Self::VISITORS).
    pub fn with_capacity(metrics: &Metrics, visitors: usize) -> Self {
        let limited = Family::default();
        metrics.register("rate_limited", "Calls over a limit, refused or only counted", limited.clone());
        Self { visitors: Buckets::new(visitors), deployments: Buckets::new(Self::DEPLOYMENTS), limited }
    }

    /// Whether this call may create a session at `deployment`. Where it may not, that is counted and in the audit log;
    /// the error, only where the deployment's limits are enforced.
    pub fn check_create(
        &self,
        call: &Call<'_>,
        deployment: &Deployment,
        client: Option<IpAddr>,
    ) -> Result<(), Limited> {
        self.tell(call, deployment, self.take_create(deployment, client, call.now))
    }

    /// The same for every other call.
    pub fn check_call(
        &self,
        call: &Call<'_>,
        deployment: &Deployment,
        client: Option<IpAddr>,
    ) -> Result<(), Limited> {
        self.tell(call, deployment, self.take_call(deployment, client, call.now))
    }

    /// Takes one from the visitor's creations, then one from the deployment's; from neither, if the first has none.
    /// `client` is the visitor's address; calls whose address is not known are one visitor's.
    pub fn take_create(
        &self,
        deployment: &Deployment,
        client: Option<IpAddr>,
        now: DateTime<Utc>,
    ) -> Result<(), Limited> {
        let limits = &deployment.rate_limits;
        let (policy, limit) = (Policy::VisitorCreates, limits.visitor_creates_per_minute);
        let visitor = self.visitors.hash((policy.as_str(), deployment.key, network(client)));
        self.visitors.take(visitor, limit, now).map_err(|retry_after| Limited {
            policy,
            limit,
            retry_after,
        })?;
        let (policy, limit) = (Policy::Creates, limits.creates_per_minute);
        let everybody = self.deployments.hash(deployment.key);
        self.deployments.take(everybody, limit, now).map_err(|retry_after| Limited {
            policy,
            limit,
            retry_after,
        })
    }

    /// Takes one from the visitor's other calls.
    pub fn take_call(
        &self,
        deployment: &Deployment,
        client: Option<IpAddr>,
        now: DateTime<Utc>,
    ) -> Result<(), Limited> {
        let (policy, limit) = (Policy::VisitorCalls, deployment.rate_limits.visitor_calls_per_minute);
        let visitor = self.visitors.hash((policy.as_str(), deployment.key, network(client)));
        self.visitors.take(visitor, limit, now).map_err(|retry_after| Limited { policy, limit, retry_after })
    }

    /// How many limits are remembered.
    pub fn remembered(&self) -> usize {
        self.visitors.len() + self.deployments.len()
    }

    fn tell(
        &self,
        call: &Call<'_>,
        deployment: &Deployment,
        taken: Result<(), Limited>,
    ) -> Result<(), Limited> {
        let Err(limited) = taken else { return Ok(()) };
        let (policy, mode) = (limited.policy.as_str(), deployment.rate_limits.mode);
        self.limited.get_or_create(&Labels { policy, mode: mode.as_str() }).inc();
        tracing::info!(
            target: "audit",
            event = "rate_limited",
            request_id = call.request_id.as_str(),
            trace_id = call.trace.trace_id().as_str(),
            account = call.account.map(tracing::field::display),
            address_sid = %deployment.address_sid,
            policy,
            limit = limited.limit.get(),
            mode = mode.as_str(),
            "audit"
        );
        match mode {
            Mode::Enforce => Err(limited),
            Mode::Log => Ok(()),
        }
    }
}

impl Limited {
    /// `Retry-After`: whole seconds, at least one (RFC 9110, section 10.2.3).
    pub fn retry_after(&self) -> u64 {
        let rounded_up = self.retry_after.as_secs() + u64::from(self.retry_after.subsec_nanos() > 0);
        rounded_up.max(1)
    }

    /// `RateLimit-Policy` of draft-ietf-httpapi-ratelimit-headers: `"visitor_creates";q=30;w=60`.
    pub fn policy_header(&self) -> String {
        format!(r#""{}";q={};w={}"#, self.policy.as_str(), self.limit, bucket::MINUTE.as_secs())
    }

    /// `RateLimit` of the same: `"visitor_creates";r=0;t=2`, where `t` says what `Retry-After` does.
    pub fn limit_header(&self) -> String {
        format!(r#""{}";r=0;t={}"#, self.policy.as_str(), self.retry_after())
    }
}

impl Policy {
    /// The name: in the headers, in the log and in the counter.
    pub const fn as_str(self) -> &'static str {
        match self {
            Policy::VisitorCreates => "visitor_creates",
            Policy::VisitorCalls => "visitor_calls",
            Policy::Creates => "creates",
        }
    }
}

/// Sets `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers).
pub fn set_policy(call: &mut Call<'_>, policy: &str) {
    if let Ok(value) = HeaderValue::from_str(policy) {
        call.set_answer_header(HeaderName::from_static("ratelimit-policy"), value);
    }
}

/// The network that an address stands for: itself, or the first half of it.
pub fn network(address: Option<IpAddr>) -> Option<IpAddr> {
    address.map(|address| match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_an_address_or_half_of_one() {
        for (address, expected) in [
            ("203.0.113.9", "203.0.113.9"),
            ("::ffff:203.0.113.9", "203.0.113.9"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
            ("2001:db8:1:2::", "2001:db8:1:2::"),
        ] {
            assert_eq!(network(Some(address.parse().unwrap())), Some(expected.parse().unwrap()), "{address}");
        }
        assert_eq!(network(None), None);
    }

    #[test]
    fn the_headers_say_when_to_come_back() {
        for (wait, seconds) in [(0, 1), (1, 1), (999, 1), (1000, 1), (1001, 2), (59_999, 60)] {
            let limited = Limited {
                policy: Policy::VisitorCreates,
                limit: NonZeroU32::new(30).unwrap(),
                retry_after: Duration::from_millis(wait),
            };
            assert_eq!(limited.retry_after(), seconds, "{wait} ms");
            assert_eq!(limited.policy_header(), r#""visitor_creates";q=30;w=60"#);
            assert_eq!(limited.limit_header(), format!(r#""visitor_creates";r=0;t={seconds}"#));
        }
    }
}
