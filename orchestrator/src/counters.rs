//! Metrics of FlexWebchatOrchestratorService beyond those of every service.

use prometheus_client::{encoding::EncodeLabelSet, metrics::counter::Counter, metrics::family::Family};
use service_runtime::Metrics;
use shared_types::{AccountSid, desk::Side};

/// The counters, resolved once.
#[derive(Clone, Debug)]
pub struct Counters {
    with_key: Counter,
    without_key: Counter,
    conversations: Family<AccountLabels, Counter>,
    messages: Family<MessageLabels, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SessionLabels {
    proof_key: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AccountLabels {
    account: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct MessageLabels {
    account: String,
    side: &'static str,
}

impl Counters {
    /// Registers the counters in `metrics`.
    pub fn new(metrics: &Metrics) -> Self {
        let requested = Family::<SessionLabels, Counter>::default();
        metrics.register(
            "sessions_requested",
            "Sessions requested, with a proof key and without: without one, a deployment that requires it refuses",
            requested.clone(),
        );
        let counter = |proof_key| requested.get_or_create_owned(&SessionLabels { proof_key });
        let (conversations, messages) = (Family::default(), Family::default());
        metrics.register(
            "conversations_opened",
            "Conversations opened, by account",
            Family::clone(&conversations),
        );
        metrics.register(
            "messages_written",
            "Messages written by guests and desks, by account and side",
            Family::clone(&messages),
        );
        Self { with_key: counter("yes"), without_key: counter("no"), conversations, messages }
    }

    /// Counts an opened conversation. The accounts are those of the accounts file, so the labels are bounded.
    pub fn conversation_opened(&self, account: AccountSid) {
        self.conversations.get_or_create(&AccountLabels { account: account.to_string() }).inc();
    }

    /// Counts a written message; the repetition of one is not counted.
    pub fn message(&self, account: AccountSid, side: Side) {
        let labels = MessageLabels { account: account.to_string(), side: side.as_str() };
        self.messages.get_or_create(&labels).inc();
    }

    /// Counts a requested session.
    pub fn session_requested(&self, has_key: bool) {
        if has_key { &self.with_key } else { &self.without_key }.inc();
    }
}
