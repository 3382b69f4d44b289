//! A guest that reads its messages, each time over a new connection, and measures the latency.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::{Duration, Instant},
};

use crate::pressure::client::{get, send};

/// Pause between two requests.
const PAUSE: Duration = Duration::from_millis(20);

/// The latency of each request, in ascending order.
pub(crate) struct Latencies(Vec<Duration>);

impl Latencies {
    pub(crate) fn new(mut latencies: Vec<Duration>) -> Self {
        latencies.sort_unstable();
        Self(latencies)
    }

    /// Zero if there were no requests.
    pub(crate) fn percentile(&self, percent: usize) -> Duration {
        let place = (self.0.len() * percent / 100).min(self.0.len().saturating_sub(1));
        self.0.get(place).copied().unwrap_or_default()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

/// Sends requests for this long. Every response must be a 200, or the 503 of an overloaded service, which counts as a
/// response that took as long as all of them.
pub(crate) async fn visit(to: SocketAddr, path: &str, token: &str, round: Duration) -> Latencies {
    let (began, request) = (Instant::now(), get(path, token));
    let mut latencies = Vec::new();
    while began.elapsed() < round {
        // Within each address's limit of requests.
        let from = Ipv4Addr::new(127, 9, (latencies.len() % 200) as u8, 1);
        let called = Instant::now();
        let (status, body) = send(from, to, &request).await.unwrap();
        latencies.push(if status == 503 { round } else { called.elapsed() });
        assert!([200, 503].contains(&status), "the guest's request {}: {status} {body}", latencies.len());
        tokio::time::sleep(PAUSE).await;
    }
    Latencies::new(latencies)
}
