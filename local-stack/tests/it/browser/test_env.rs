//! The environment of a chat: the customer's site, Starship, the stack, and the connections between them.

use std::sync::Arc;

use local_stack::{Desk, Direct, Participant, Stack, StackConfig, Starship, StarshipConfig, Wire, demo};
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::{Semaphore, SemaphorePermit, watch};

use crate::browser::site::Site;

/// Browsers need much memory: at most two tests run at a time.
static SLOTS: Semaphore = Semaphore::const_new(2);

pub(crate) struct TestEnv {
    pub(crate) site: Site,
    stack: Option<Stack>,
    pub(crate) plan: StackConfig,
    /// Where browsers call.
    pub(crate) endpoint: String,
    starship: Option<Starship>,
    starship_plan: StarshipConfig,
    requests: watch::Receiver<Vec<Value>>,
    _data: TempDir,
    _slot: SemaphorePermit<'static>,
}

impl TestEnv {
    pub(crate) async fn new() -> Self {
        Self::with(|_, _| {}).await
    }

    /// An environment with a changed plan. `change` may also rewrite its accounts (those of the demo), with the site's
    /// origins.
    pub(crate) async fn with(change: impl FnOnce(&mut StackConfig, &Site)) -> Self {
        Self::wired(Arc::new(Direct), |_| {}, change).await
    }

    /// A test environment whose connections, Starship's included, are made by `wire`.
    pub(crate) async fn wired(
        wire: Arc<dyn Wire>,
        change_starship: impl FnOnce(&mut StarshipConfig),
        change: impl FnOnce(&mut StackConfig, &Site),
    ) -> Self {
        let slot = SLOTS.acquire().await.unwrap();
        let (site, data) = (Site::start(), tempfile::tempdir().unwrap());
        let behind_starship = Arc::new(BehindStarship(wire.clone()));
        let trusted_proxies = "127.0.0.1".parse().unwrap();
        let mut plan =
            StackConfig { wire: behind_starship, trusted_proxies, ..StackConfig::for_test(data.path()) };
        change(&mut plan, &site);
        let stack = Stack::start(&plan).await.unwrap();
        let upstream = stack.url.strip_prefix("http://").unwrap().parse().unwrap();
        let (seen, requests) = watch::channel(Vec::new());
        let mut starship_plan = StarshipConfig::on_a_free_port(&data.path().join("starship"), upstream);
        starship_plan.access_log = Arc::new(move |line| {
            let line = serde_json::from_str(line).unwrap();
            seen.send_modify(|seen: &mut Vec<Value>| seen.push(line));
        });
        change_starship(&mut starship_plan);
        let starship = Starship::start(starship_plan.clone()).await.unwrap();
        starship_plan.listen = starship.address;
        let endpoint = wire.connect(Participant::Browser, Participant::Starship, starship.address);
        Self {
            site,
            stack: Some(stack),
            plan,
            endpoint,
            starship: Some(starship),
            starship_plan,
            requests,
            _data: data,
            _slot: slot,
        }
    }

    /// Stops Starship, as a restart of its machine does.
    pub(crate) async fn starship_stops(&mut self) {
        self.starship.take().unwrap().stop().await.unwrap();
    }

    /// Starts Starship again on the same address.
    pub(crate) async fn starship_is_back(&mut self) {
        self.starship = Some(Starship::start(self.starship_plan.clone()).await.unwrap());
    }

    /// Restarts FlexWebchatOrchestratorService on the same addresses.
    pub(crate) async fn orchestrator_restarts(&mut self) {
        self.stack = Some(self.stack.take().unwrap().restart_orchestrator().await.unwrap());
    }

    /// The desk of the first account.
    pub(crate) fn desk(&self) -> Desk {
        self.stack.as_ref().unwrap().desk()
    }

    /// The shop's page with the chat of this deployment.
    pub(crate) fn chat(&self, deployment: &str) -> String {
        let shop = self.site.origin("shop");
        format!("{shop}/?deployment={deployment}&endpoint={}", self.endpoint)
    }

    /// The chat of the deployment with the feature on.
    pub(crate) fn chat_on(&self) -> String {
        self.chat(demo::DEPLOYMENT_ON)
    }

    /// The requests that Starship has logged so far, once they fulfil the condition.
    pub(crate) async fn logged(&self, expected: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        let mut requests = self.requests.clone();
        let awaited = requests.wait_for(|requests| expected(requests));
        match tokio::time::timeout(std::time::Duration::from_secs(10), awaited).await {
            Ok(requests) => requests.unwrap().clone(),
            Err(_) => panic!("Starship's log so far: {:#?}", self.requests.borrow().as_slice()),
        }
    }
}

/// `METHOD path status` of each logged request.
pub(crate) fn paths(lines: &[Value]) -> Vec<String> {
    let text = |line: &Value, name: &str| line[name].as_str().unwrap_or_default().to_owned();
    lines
        .iter()
        .map(|line| format!("{} {} {}", text(line, "method"), text(line, "path"), line["status"]))
        .collect()
}

/// The same, only for refreshes.
pub(crate) fn refreshes(lines: &[Value]) -> Vec<String> {
    paths(lines).into_iter().filter(|line| line.starts_with("POST /v2/Webchat/Token/Refresh")).collect()
}

/// Starship's connection to the stack, which the stack treats as the browser's.
struct BehindStarship(Arc<dyn Wire>);

impl Wire for BehindStarship {
    fn connect(&self, from: Participant, to: Participant, address: std::net::SocketAddr) -> String {
        let from = if from == Participant::Browser { Participant::Starship } else { from };
        self.0.connect(from, to, address)
    }
}
