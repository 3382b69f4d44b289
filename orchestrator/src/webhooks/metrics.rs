//! Metrics of webhooks, by endpoint. The endpoints are those of accounts.toml, so the labels are bounded.

use chrono::{DateTime, Utc};
use conversations::Backlog;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
};
use service_runtime::Metrics;

use super::target::Target;

/// The metrics. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct WebhookMetrics {
    pending: Family<Labels, Gauge>,
    oldest: Family<Labels, Gauge>,
    delivered: Family<Labels, Counter>,
    attempts_failed: Family<Labels, Counter>,
    failed: Family<FailedLabels, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    account: String,
    host: String,
    endpoint: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FailedLabels {
    account: String,
    host: String,
    endpoint: String,
    reason: &'static str,
}

/// Why an event has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// All attempts failed.
    Attempts,
    /// The receiver answered 410.
    Gone,
    /// It waited too long, or too many waited.
    Bounds,
}

impl Reason {
    const ALL: [Self; 3] = [Self::Attempts, Self::Gone, Self::Bounds];

    fn as_str(self) -> &'static str {
        match self {
            Self::Attempts => "attempts",
            Self::Gone => "gone",
            Self::Bounds => "bounds",
        }
    }
}

impl WebhookMetrics {
    pub(super) fn new(metrics: &Metrics) -> Self {
        let this = Self {
            pending: Family::default(),
            oldest: Family::default(),
            delivered: Family::default(),
            attempts_failed: Family::default(),
            failed: Family::default(),
        };
        metrics.register(
            "webhook_events_pending",
            "Webhook events that wait for their endpoint, counted every minute; the same in all replicas",
            this.pending.clone(),
        );
        metrics.register(
            "webhook_oldest_event_seconds",
            "Age of the oldest webhook event that waits for its endpoint",
            this.oldest.clone(),
        );
        metrics.register(
            "webhook_events_delivered",
            "Webhook events that their endpoint accepted",
            this.delivered.clone(),
        );
        metrics.register(
            "webhook_attempts_failed",
            "Attempts to deliver a webhook event that failed",
            this.attempts_failed.clone(),
        );
        metrics.register(
            "webhook_events_failed",
            "Webhook events that are not sent again, by reason: attempts, gone (410), bounds (too old or too many)",
            this.failed.clone(),
        );
        this
    }

    /// Creates all series of an endpoint: PromQL's `increase` does not count the first value of a new one.
    pub(super) fn add(&self, target: &Target) {
        self.pending.get_or_create(&labels(target)).inc_by(0);
        self.oldest.get_or_create(&labels(target)).inc_by(0);
        self.delivered(target, 0);
        self.attempts_failed.get_or_create(&labels(target)).inc_by(0);
        for reason in Reason::ALL {
            self.failed(target, reason, 0);
        }
    }

    pub(super) fn backlog(&self, target: &Target, backlog: Backlog, now: DateTime<Utc>) {
        let age = backlog.oldest.map_or(0, |oldest| (now - oldest).num_seconds().max(0));
        self.pending.get_or_create(&labels(target)).set(backlog.pending);
        self.oldest.get_or_create(&labels(target)).set(age);
    }

    pub(super) fn delivered(&self, target: &Target, events: usize) {
        self.delivered.get_or_create(&labels(target)).inc_by(events as u64);
    }

    pub(super) fn attempt_failed(&self, target: &Target) {
        self.attempts_failed.get_or_create(&labels(target)).inc();
    }

    pub(super) fn failed(&self, target: &Target, reason: Reason, events: u64) {
        let Labels { account, host, endpoint } = labels(target);
        let reason = reason.as_str();
        self.failed.get_or_create(&FailedLabels { account, host, endpoint, reason }).inc_by(events);
    }

    /// An endpoint that is configured no more.
    pub(super) fn remove(&self, target: &Target) {
        let labels = labels(target);
        self.pending.remove(&labels);
        self.oldest.remove(&labels);
    }
}

fn labels(target: &Target) -> Labels {
    Labels {
        account: target.account.to_string(),
        host: target.host(),
        endpoint: target.endpoint.as_str().to_owned(),
    }
}
