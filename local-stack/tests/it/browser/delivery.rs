//! A guest in Chromium and a desk send each other messages while the network, the tabs and the service fail at random. Both
//! end with the same messages in the same order. `DELIVERY_SEED` repeats a run's choices, which a failure prints.

use std::{collections::hash_map::RandomState, env, fs, hash::BuildHasher, sync::Arc, time::Duration};

use local_stack::{Desk, Participant, demo};
use reqwest::Method;
use serde_json::json;
use store::DatabaseConfig;
use test_support::{eventually, postgres::Cluster, within};
use tokio::{sync::watch, time::sleep};

use crate::{
    browser::{
        chromium::Chromium,
        fault::{Fault, FaultyProxy},
        life::WELCOME,
        test_env::TestEnv,
    },
    replicas::migrated,
};

/// Messages of each side.
const COUNT: usize = 200;

/// Far longer than a run takes.
const LIMIT: Duration = Duration::from_secs(90);

const LAST: &str = "That was all.";

test_support::on_both_engines! {
    Chat:
    both_sides_get_every_message_once_and_in_order,
}

/// What happens between two messages.
#[derive(Clone, Copy, Debug)]
enum Event {
    /// The proxy closes all connections for a moment.
    ConnectionsBreak,
    /// The same, and only after the service has carried out each request.
    ResponsesAreLost,
    /// The browser has no network for a moment.
    Offline,
    /// The page's scripts do not run for a moment, as on a phone in a pocket.
    Freezes,
    /// A second tab opens in front, gets all messages, and closes.
    SecondTab,
    /// The same, in a window of its own, while the first tab is frozen.
    SecondTabAwake,
    /// FlexWebchatOrchestratorService restarts.
    Restart,
}

/// Each at least once, in random order.
const EVENTS: [Event; 15] = [
    Event::ResponsesAreLost,
    Event::ResponsesAreLost,
    Event::ResponsesAreLost,
    Event::ConnectionsBreak,
    Event::ConnectionsBreak,
    Event::ConnectionsBreak,
    Event::Offline,
    Event::Offline,
    Event::Freezes,
    Event::Freezes,
    Event::SecondTab,
    Event::SecondTab,
    Event::SecondTabAwake,
    Event::Restart,
    Event::Restart,
];

/// The environment of a run.
struct Chat {
    env: TestEnv,
    network: Arc<watch::Sender<Fault>>,
}

impl Chat {
    async fn on_sqlite() -> Self {
        Self::with(None).await
    }

    async fn on_postgres() -> Self {
        Self::with(Some(migrated(Cluster::shared()).await)).await
    }

    async fn with(server: Option<String>) -> Self {
        let (wire, network) = FaultyProxy::between(Participant::Browser, Participant::Starship);
        let env = TestEnv::wired(
            wire,
            |_| {},
            |plan, _| {
                fs::write(plan.accounts_file(), demo::accounts_without_limits()).unwrap();
                // So that tokens are refreshed several times.
                plan.token_ttl_seconds = 10;
                if let Some(url) = &server {
                    plan.databases = [url, url].map(DatabaseConfig::new);
                }
            },
        )
        .await;
        Self { env, network }
    }

    fn page(&self) -> String {
        self.env.chat_on().replacen("/?", "/events?", 1)
    }

    async fn causes(&mut self, event: Event, guest: &Chromium, conversation: &Conversation, pause: Duration) {
        match event {
            Event::ConnectionsBreak => self.has(Fault::Offline, pause).await,
            Event::ResponsesAreLost => self.has(Fault::DropsResponses, pause).await,
            Event::Offline => {
                sets_network(guest, true).await;
                sleep(pause).await;
                sets_network(guest, false).await;
            }
            Event::Freezes => {
                sets_lifecycle(guest, "frozen").await;
                sleep(2 * pause).await;
                sets_lifecycle(guest, "active").await;
            }
            Event::SecondTab => {
                let first = guest.page.tab().await;
                guest.page.new_tab_in_front().await;
                self.catches_up_in_second_tab(guest, conversation).await;
                guest.page.turn_to(&first).await;
            }
            Event::SecondTabAwake => {
                let first = guest.page.tab().await;
                sets_lifecycle(guest, "frozen").await;
                guest.page.new_tab().await;
                self.catches_up_in_second_tab(guest, conversation).await;
                guest.page.turn_to(&first).await;
                sets_lifecycle(guest, "active").await;
            }
            Event::Restart => self.env.orchestrator_restarts().await,
        }
    }

    async fn has(&self, fault: Fault, pause: Duration) {
        self.network.send_replace(fault);
        sleep(pause).await;
        self.network.send_replace(Fault::None);
    }

    /// Opens the page in the current tab, waits until it shows every message that is stored by then, and closes the tab.
    async fn catches_up_in_second_tab(&self, guest: &Chromium, conversation: &Conversation) {
        guest.page.visit(&self.page()).await;
        let stored = conversation.bodies().await;
        let shown = shows(guest, stored.len()).await;
        assert_eq!(shown[..stored.len()], stored, "the second tab");
        guest.page.close_tab().await;
    }
}

async fn sets_network(guest: &Chromium, offline: bool) {
    guest.page.developer_tools("Network.enable", json!({})).await;
    let conditions =
        json!({"offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1});
    guest.page.developer_tools("Network.emulateNetworkConditions", conditions).await;
}

async fn sets_lifecycle(guest: &Chromium, state: &str) {
    guest.page.developer_tools("Page.setWebLifecycleState", json!({"state": state})).await;
}

/// Waits until the page shows at least `count` messages; returns all that it shows.
async fn shows(guest: &Chromium, count: usize) -> Vec<String> {
    let script = "
        const [count, limit] = given, [status, messages] = ['status', 'messages'].map(id => document.getElementById(id))
        const isDone = () => messages.children.length >= count || status.textContent.startsWith('failed')
        if (!isDone()) await new Promise(resolve => {
            new MutationObserver(() => isDone() && resolve()).observe(document, { subtree: true, childList: true })
            setTimeout(resolve, limit)
        })
        return [status.textContent, [...messages.children].map(item => item.textContent)]";
    let (status, shown): (String, Vec<String>) =
        serde_json::from_value(guest.page.run(script, &[json!(count), json!(15_000)]).await).unwrap();
    assert!(shown.len() >= count, "{status}; {count} messages are expected, these are shown: {shown:?}");
    shown
}

/// The conversation, as the desk sees it.
#[derive(Clone)]
struct Conversation {
    desk: Desk,
    sid: String,
}

impl Conversation {
    /// Stores a message once, however often the service has to be called.
    async fn writes(&self, body: &str) {
        let path = format!("/v1/Conversations/{}/Messages", self.sid);
        eventually(LIMIT, body, async || {
            let request = self.desk.request(Method::POST, &path).header("idempotency-key", body);
            let answer = request.form(&[("Author", "Grace"), ("Body", body)]).send().await;
            answer.is_ok_and(|answer| answer.status() == 201)
        })
        .await;
    }

    /// The bodies of all messages.
    async fn bodies(&self) -> Vec<String> {
        let mut bodies = Vec::new();
        let mut next = Some(format!("/v1/Conversations/{}/Messages?PageSize=100", self.sid));
        while let Some(path) = next {
            let page = self.desk.sends(self.desk.request(Method::GET, &path)).await;
            let messages = page.body["messages"].as_array().unwrap();
            bodies.extend(messages.iter().map(|message| message["body"].as_str().unwrap().to_owned()));
            let url = page.body["meta"]["next_page_url"].as_str();
            next = url.map(|url| url[url.find("/v1/").unwrap()..].to_owned());
        }
        bodies
    }
}

async fn both_sides_get_every_message_once_and_in_order(mut chat: Chat) {
    let mut random = Random::seeded();
    let guest = Chromium::start().await;
    guest.page.visit(&chat.page()).await;
    assert_eq!(shows(&guest, 1).await, [WELCOME]);
    let sid = guest.evaluates("conversation()").await.as_str().unwrap().to_owned();
    let conversation = Conversation { desk: chat.env.desk(), sid };

    let pauses: Vec<u64> = (0..COUNT).map(|_| random.below(100)).collect();
    let run = async {
        guest.page.run("void writes(given[0])", &[json!(pauses)]).await;
        let desk = async {
            for (number, pause) in pauses.iter().rev().enumerate() {
                sleep(Duration::from_millis(*pause)).await;
                conversation.writes(&format!("desk {number}")).await;
            }
        };
        let events = async {
            for (number, event) in random.shuffled(EVENTS).into_iter().enumerate() {
                // Evenly over the run.
                let shown = 2 * COUNT * (number * 100 + random.below(100) as usize) / (EVENTS.len() * 100);
                shows(&guest, shown).await;
                let pause = Duration::from_millis(20 + random.below(780));
                chat.causes(event, &guest, &conversation, pause).await;
            }
        };
        tokio::join!(desk, events);
        shows(&guest, 1 + 2 * COUNT).await;
        // A message that the page got twice would come before this one.
        conversation.writes(LAST).await;
        shows(&guest, 2 + 2 * COUNT).await
    };
    let shown = within(LIMIT, "all messages", run).await;

    assert_eq!(shown, conversation.bodies().await, "the guest's and the desk's messages");
    assert_eq!(shown.len(), 2 + 2 * COUNT);
    for side in ["guest", "desk"] {
        let written: Vec<_> = (0..COUNT).map(|number| format!("{side} {number}")).collect();
        let of_side: Vec<_> = shown.iter().filter(|body| body.starts_with(&format!("{side} "))).collect();
        assert!(of_side.into_iter().eq(&written), "{shown:#?}");
    }
    let happened = guest.evaluates("Object.keys(document.querySelector('#status').dataset).sort()").await;
    assert_eq!(happened, json!(["freeze", "offline", "refreshed", "visibilitychange", "wrote"]));
}

/// SplitMix64: a generator whose sequence a seed repeats.
struct Random(u64);

impl Random {
    #[allow(
        clippy::print_stderr,
        clippy::disallowed_methods,
        reason = "prints the seed of a failed test, and takes one that was printed"
    )]
    fn seeded() -> Self {
        let seed = env::var_os("DELIVERY_SEED").map_or_else(
            || RandomState::new().hash_one(()),
            |seed| seed.into_string().unwrap().parse().unwrap(),
        );
        eprintln!("DELIVERY_SEED={seed}");
        Self(seed)
    }

    /// A number below `limit`.
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }

    fn shuffled<T, const N: usize>(&mut self, mut items: [T; N]) -> [T; N] {
        for last in (1..N).rev() {
            items.swap(last, self.below(last as u64 + 1) as usize);
        }
        items
    }
}
