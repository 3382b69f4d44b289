//! The age of this replica's revocation list, as a metric. It grows while nothing updates it, so it is computed at each
//! scrape.

use std::{fmt, time::Duration};

use prometheus_client::{
    encoding::{EncodeMetric, MetricEncoder},
    metrics::MetricType,
};
use service_runtime::Metrics;

/// Registers the age, as `age` returns it, with `metrics`.
pub(crate) fn register(metrics: &Metrics, age: impl Fn() -> Duration + Send + Sync + 'static) {
    metrics.register(
        "revocations_behind_seconds",
        "How long ago this replica last knew all revocations",
        Lag(age),
    );
}

struct Lag<F>(F);

impl<F> fmt::Debug for Lag<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lag(…)")
    }
}

impl<F: Fn() -> Duration + Send + Sync> EncodeMetric for Lag<F> {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> Result<(), fmt::Error> {
        encoder.encode_gauge(&(self.0)().as_secs_f64())
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Gauge
    }
}
