//! Rolling restart: each replica of each service is replaced in turn while guests create, refresh, open and chat. Every
//! request gets a successful response.

mod balancer;
mod fleet;

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use fleet::{Fleet, SERVICES};
use local_stack::{Answer, Guest, demo};
use test_support::{authority, eventually};
use tokio::task::JoinSet;

const GUESTS: usize = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rolling_restart_under_load_loses_no_request() {
    replace_all(false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rolling_restart_with_tls_under_load_loses_no_request() {
    replace_all(true).await;
}

async fn replace_all(mutual_tls: bool) {
    let mut fleet = Fleet::start(mutual_tls).await;
    let load = Load::begin(&format!("http://{}", fleet.starship.address));
    load.goes_on().await;
    for service in SERVICES {
        for _ in 0..2 {
            fleet.end(service).await;
            load.goes_on().await;
            fleet.add(service).await;
            load.goes_on().await;
        }
    }
    let answers = load.end().await;
    let counts = format!("{answers:?}");
    assert_eq!(answers.keys().copied().collect::<Vec<_>>(), [200, 201], "{counts}");
    assert!(answers.values().sum::<usize>() > 12 * GUESTS, "{counts}");
    fleet.stop().await;
}

/// Guests that run without a pause.
struct Load {
    over: Arc<AtomicBool>,
    answered: Arc<AtomicUsize>,
    guests: JoinSet<BTreeMap<u16, usize>>,
}

impl Load {
    fn begin(url: &str) -> Self {
        let (over, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let mut guests = JoinSet::new();
        for number in 0..GUESTS {
            // As many with the feature off.
            let deployment = if number % 2 == 0 { demo::DEPLOYMENT_ON } else { demo::DEPLOYMENT_OFF };
            let guest = Guest::with_chrome(url, deployment);
            let (over, answered) = (over.clone(), answered.clone());
            guests.spawn(async move {
                let mut answers = BTreeMap::new();
                while !over.load(Ordering::Relaxed) {
                    for answer in chat(&guest).await {
                        *answers.entry(answer.status).or_default() += 1;
                    }
                    answered.fetch_add(1, Ordering::Relaxed);
                }
                answers
            });
        }
        Self { over, answered, guests }
    }

    /// Waits for as many further responses as there are guests, so that each may have sent another request.
    async fn goes_on(&self) {
        let enough = self.answered.load(Ordering::Relaxed) + GUESTS;
        let limit = Duration::from_secs(60);
        eventually(limit, "guests chat", async || self.answered.load(Ordering::Relaxed) >= enough).await;
    }

    /// The number of responses by status.
    async fn end(self) -> BTreeMap<u16, usize> {
        self.over.store(true, Ordering::Relaxed);
        let mut all = BTreeMap::new();
        for answers in self.guests.join_all().await {
            for (status, count) in answers {
                *all.entry(status).or_default() += count;
            }
        }
        all
    }
}

/// A session from its start, until a request fails.
async fn chat(guest: &Guest) -> Vec<Answer> {
    let mut answers = Vec::new();
    let mut good = |answer: Answer| {
        let good = answer.status < 300;
        answers.push(answer.clone());
        good.then_some(answer)
    };
    async {
        let created = good(guest.creates_token().await)?;
        let token = good(guest.refreshes_token(&created.text("token")).await)?.text("token");
        let conversation = good(guest.opens_conversation(&token).await)?.text("conversation_sid");
        for line in ["Hello", "Is anybody there?"] {
            good(guest.says(&token, &conversation, line).await)?;
            good(guest.reads_messages(&token, &conversation, None).await)?;
        }
        good(guest.ends_session(&token).await)
    }
    .await;
    answers
}
