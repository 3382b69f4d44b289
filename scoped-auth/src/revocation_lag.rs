//! How far behind this replica's knowledge of revocations is, as a metric. It grows while nobody writes it down, so it is
//! asked when it is scraped.

use std::fmt;

use prometheus_client::{
    encoding::{EncodeMetric, MetricEncoder},
    metrics::MetricType,
};
use service_runtime::Metrics;

use crate::sessions::Sessions;

/// Lets the lag of `sessions` join `metrics`.
pub(crate) fn register(metrics: &Metrics, sessions: &Sessions) {
    metrics.register(
        "revocations_behind_seconds",
        "How long ago this replica last knew all revocations",
        Lag(sessions.clone()),
    );
}

#[derive(Debug)]
struct Lag(Sessions);

impl EncodeMetric for Lag {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> Result<(), fmt::Error> {
        encoder.encode_gauge(&self.0.age().as_secs_f64())
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Gauge
    }
}
