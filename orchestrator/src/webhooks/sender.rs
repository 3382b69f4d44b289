//! The sender: starts a task for each endpoint that has events, stops those of endpoints that are configured no more, and
//! enforces the bounds of the outbox.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use chrono::TimeDelta;
use conversations::{Conversations, EndpointId, OutboxBounds, StoreError};
use service_runtime::{Clock, Metrics, api_error::error_chain, random::Random};
use tokio::{
    sync::Notify,
    task::{AbortHandle, JoinSet},
    time::{sleep, timeout},
};

use super::{
    endpoint::EndpointSender,
    metrics::{Reason, WebhookMetrics},
    target::Target,
};
use crate::{accounts::AccountsFile, clients::webhook::WebhookClient, once_per_minute::OncePerMinute};

/// How often the outbox is looked at, besides after each change: for changes of other replicas, and for events that become
/// due.
const POLL: Duration = Duration::from_secs(1);

/// The least time between two looks, so that changes of this time are one.
const PACE: Duration = Duration::from_millis(10);

/// Interval of the bounds.
const PURGE_PERIOD: TimeDelta = TimeDelta::minutes(1);

/// What the sender works with.
pub struct SenderConfig {
    /// The store with the outbox.
    pub conversations: Conversations,
    /// accounts.toml, which configures the endpoints.
    pub accounts: Arc<AccountsFile>,
    /// Posts events.
    pub client: WebhookClient,
    /// URL under which desks reach this service, without a slash at its end; for the URLs in messages.
    pub desk_url: Arc<str>,
    /// The clock.
    pub clock: Clock,
    /// Randomness of delays.
    pub random: Random,
}

/// What all tasks share.
pub(super) struct Shared {
    pub(super) conversations: Conversations,
    pub(super) accounts: Arc<AccountsFile>,
    pub(super) client: WebhookClient,
    pub(super) desk_url: Arc<str>,
    pub(super) clock: Clock,
    pub(super) random: Random,
    pub(super) metrics: WebhookMetrics,
    pub(super) store_warnings: OncePerMinute,
}

/// The sender.
pub struct Sender {
    shared: Arc<Shared>,
    tasks: JoinSet<()>,
    running: HashMap<EndpointId, Running>,
    /// Endpoints whose outbox was searched for events that a stopped process left blocked: once in a process.
    searched: HashSet<EndpointId>,
}

struct Running {
    target: Arc<Target>,
    due: Arc<Notify>,
    task: AbortHandle,
}

impl Sender {
    /// A sender, with its metrics.
    pub fn new(config: SenderConfig, metrics: &Metrics) -> Self {
        let SenderConfig { conversations, accounts, client, desk_url, clock, random } = config;
        let metrics = WebhookMetrics::new(metrics);
        let store_warnings = OncePerMinute::default();
        let shared =
            Shared { conversations, accounts, client, desk_url, clock, random, metrics, store_warnings };
        Self {
            shared: Arc::new(shared),
            tasks: JoinSet::new(),
            running: HashMap::new(),
            searched: HashSet::new(),
        }
    }

    /// Sends until the task is aborted.
    pub async fn run(mut self) {
        let mut reloads = self.shared.accounts.reloads();
        let mut targets = HashMap::new();
        let mut must_read = true;
        let mut next_purge = self.shared.clock.now();
        loop {
            if must_read || reloads.has_changed().unwrap_or(false) {
                reloads.borrow_and_update();
                targets = Target::all(&self.shared.accounts.current(), self.shared.accounts.folder());
                self.stop_removed(&targets);
                targets.values().for_each(|target| self.shared.metrics.add(target));
                must_read = false;
            }
            if !targets.is_empty() || !self.running.is_empty() {
                let started = self.start_due(&targets).await;
                self.report(started);
            }
            let now = self.shared.clock.now();
            if now >= next_purge {
                next_purge = now + PURGE_PERIOD;
                let purged = self.purge(&targets).await;
                self.report(purged);
            }
            // Tasks end when nothing is due, and are started again.
            while self.tasks.try_join_next().is_some() {}
            self.running.retain(|_, running| !running.task.is_finished());
            let _ = timeout(POLL, self.shared.conversations.events_written()).await;
            sleep(PACE).await;
        }
    }

    fn stop_removed(&mut self, targets: &HashMap<EndpointId, Arc<Target>>) {
        let metrics = self.shared.metrics.clone();
        self.running.retain(|endpoint, running| {
            let is_same = targets.get(endpoint).is_some_and(|target| *target == running.target);
            if !is_same {
                // Its leases end by themselves.
                running.task.abort();
                metrics.remove(&running.target);
            }
            is_same
        });
    }

    /// Wakes the task of each endpoint with events, and starts missing ones.
    async fn start_due(&mut self, targets: &HashMap<EndpointId, Arc<Target>>) -> Result<(), StoreError> {
        for endpoint in self.shared.conversations.endpoints().await? {
            if let Some(running) = self.running.get(&endpoint) {
                running.due.notify_one();
            } else if let Some(target) = targets.get(&endpoint) {
                let (target, due) = (Arc::clone(target), Arc::new(Notify::new()));
                if !self.searched.contains(&endpoint) {
                    self.shared.conversations.promote_forgotten(&endpoint, self.shared.clock.now()).await?;
                    self.searched.insert(endpoint.clone());
                }
                let sender =
                    EndpointSender { shared: self.shared.clone(), target: target.clone(), due: due.clone() };
                let task = self.tasks.spawn(sender.run());
                self.running.insert(endpoint, Running { target, due, task });
            }
        }
        Ok(())
    }

    /// Enforces the bounds, also of endpoints that are configured no more, and counts what waits.
    async fn purge(&self, targets: &HashMap<EndpointId, Arc<Target>>) -> Result<(), StoreError> {
        let now = self.shared.clock.now();
        let endpoints = self.shared.conversations.endpoints().await?;
        for target in targets.values().filter(|target| !endpoints.contains(&target.endpoint)) {
            self.shared.metrics.backlog(target, conversations::Backlog::default(), now);
        }
        for endpoint in endpoints {
            let target = targets.get(&endpoint);
            loop {
                let bounds = OutboxBounds::default();
                let purged = self.shared.conversations.purge_events(&endpoint, bounds, now).await?;
                if let Some(target) = target {
                    self.shared.metrics.backlog(target, purged.before, now);
                    if purged.failed > 0 {
                        self.shared.metrics.failed(target, Reason::Bounds, purged.failed);
                    }
                }
                if purged.failed > 0 {
                    let endpoint = endpoint.as_str();
                    tracing::error!(
                        endpoint,
                        events = purged.failed,
                        "webhook events failed: too old, or too many"
                    );
                }
                if purged.failed + purged.deleted == 0 {
                    break;
                }
                tokio::task::yield_now().await;
            }
        }
        Ok(())
    }

    fn report(&self, result: Result<(), StoreError>) {
        if let Err(error) = result
            && self.shared.store_warnings.is_due(self.shared.clock.now())
        {
            tracing::warn!(cause = error_chain(&error), "outbox of webhooks unavailable, retrying");
        }
    }
}
