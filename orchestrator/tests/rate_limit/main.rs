//! Rate limits: how much visitors and deployments get, and how little of it is remembered. The time is an argument
//! throughout; nothing here waits.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

mod limits;
mod many;
mod modes;
mod settings;

use std::net::IpAddr;

use chrono::{DateTime, TimeDelta, Utc};
use orchestrator::{
    accounts::{Accounts, Configuration},
    rate_limit::RateLimits,
};
use service_runtime::Metrics;
use shared_types::DeploymentKey;

/// Two deployments: the first with the defaults, the second with `rate_limits`.
fn deployments(rate_limits: &str) -> [Configuration; 2] {
    let text = format!(
        r#"
[[account]]
sid = "AC00000000000000000000000000000001"
webchat_security = true
conversations_service_sid = "IS00000000000000000000000000000001"

[[account.deployment]]
key = "CV00000000000000000000000000000001"
address_sid = "IG00000000000000000000000000000001"

[[account.deployment]]
key = "CV00000000000000000000000000000002"
address_sid = "IG00000000000000000000000000000002"
rate_limits = {{ {rate_limits} }}
"#
    );
    let accounts = Accounts::parse(&text).unwrap_or_else(|error| panic!("{error}"));
    [1, 2].map(|n| accounts.by_deployment_key(&DeploymentKey::from_bits(n)).unwrap())
}

fn limiter() -> RateLimits {
    RateLimits::new(&Metrics::default())
}

fn at(milliseconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap() + TimeDelta::milliseconds(milliseconds)
}

fn visitor(n: u32) -> Option<IpAddr> {
    Some(IpAddr::V4(n.into()))
}
