//! Rate limits: what visitors and deployments are granted, and the bound on the limiter's memory. Time is an argument
//! throughout; no test waits.

mod addresses;
mod bytes;
mod desk;
mod limits;
mod many;
mod modes;
mod nested;
mod settings;

use std::{
    io::{self, Write},
    net::IpAddr,
    sync::{Arc, Mutex},
};

use chrono::{DateTime, TimeDelta, Utc};
use orchestrator::{
    accounts::{Accounts, Deployment, DeploymentConfig},
    admission::rate_limit::{Action, Charge, Limited, RateLimiter},
};
use serde_json::Value;
use service_runtime::Metrics;
use shared_types::DeploymentKey;

/// Two deployments: the first with the defaults, the second with `rate_limits`.
fn deployments(rate_limits: &str) -> [DeploymentConfig; 2] {
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

/// Checks the limits as `admission` does for a request that creates a session.
fn create(
    limits: &RateLimiter,
    deployment: &Deployment,
    client: Option<IpAddr>,
    now: DateTime<Utc>,
) -> Result<(), Limited> {
    limits.visitor(deployment, client, Charge::Create, now)?;
    limits.creates(deployment, client, Action::Peek, now)?;
    limits.creates(deployment, client, Action::Take, now)
}

/// The same for any other request.
fn call(
    limits: &RateLimiter,
    deployment: &Deployment,
    client: Option<IpAddr>,
    now: DateTime<Utc>,
) -> Result<(), Limited> {
    limits.visitor(deployment, client, Charge::Call, now)
}

fn limiter() -> RateLimiter {
    RateLimiter::new(&Metrics::default())
}

fn at(milliseconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap() + TimeDelta::milliseconds(milliseconds)
}

/// A visitor in a separate IPv4 /24.
fn visitor(n: u32) -> Option<IpAddr> {
    Some(IpAddr::V4((n << 8).into()))
}

/// The log lines written while `during` runs.
fn log_lines(during: impl FnOnce()) -> Vec<Value> {
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);
    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let lines = Lines::default();
    let writer = lines.clone();
    let log = tracing_subscriber::fmt().json().with_writer(move || writer.clone()).finish();
    tracing::subscriber::with_default(log, during);
    let lines = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
