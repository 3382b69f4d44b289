//! Processes that are killed under load lose no event: messages are written at the desk's API of the same processes that
//! send, and each is sent; twice only with the same id.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    net::SocketAddr,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use conversations::{Conversations, MIGRATIONS};
use service_runtime::Clock;
use shared_types::{ConversationSid, Identity};
use store::DatabaseConfig;
use tempfile::TempDir;
use test_support::{
    direct::Direct,
    eventually,
    postgres::Cluster,
    scripted_peer::{ClosedPort, ScriptedPeer},
    services,
};
use tokio::task::JoinSet;

use super::{Received, SECRET, accepting, accounts, requests};
use crate::desk::{ACCOUNT, KEY, opened};

test_support::on_both_engines! {
    Fleet:
    killed_replicas_lose_no_event,
}

const CONVERSATIONS: u128 = 6;
const KILLS: usize = 10;

/// Messages that are written between two kills.
const MESSAGES: usize = 60;

/// Orchestrators on one database: one on SQLite, two on PostgreSQL.
struct Fleet {
    folder: TempDir,
    url: String,
    receiver: ScriptedPeer,
    replicas: Vec<Replica>,
}

struct Replica {
    desk: SocketAddr,
    process: Child,
}

impl Fleet {
    async fn on_sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = services::sqlite_url(&folder.path().join("conversations.db"));
        Self::new(folder, url, 1).await
    }

    async fn on_postgres() -> Self {
        let url = Cluster::shared().database().await;
        DatabaseConfig::new(&url).migrate(MIGRATIONS).await.unwrap();
        Self::new(tempfile::tempdir().unwrap(), url, 2).await
    }

    async fn new(folder: TempDir, url: String, replicas: usize) -> Self {
        let receiver = accepting().await;
        std::fs::write(folder.path().join("accounts.toml"), accounts(&receiver.url())).unwrap();
        std::fs::write(folder.path().join("hook-secret"), SECRET).unwrap();
        let store = Conversations::open(&DatabaseConfig::new(&url)).await.unwrap();
        for number in 1..=CONVERSATIONS {
            opened(&store, number, Identity::from_random([1; 16]), None, &Clock::system()).await;
        }
        store.close().await;
        let mut fleet = Self { folder, url, receiver, replicas: Vec::new() };
        for _ in 0..replicas {
            let desk = ClosedPort::reserve().address;
            let process = fleet.start(desk);
            fleet.replicas.push(Replica { desk, process });
        }
        fleet
    }

    fn start(&self, desk: SocketAddr) -> Child {
        Command::new(env!("CARGO_BIN_EXE_orchestrator"))
            .current_dir(&self.folder)
            .env_clear()
            .env("ORCHESTRATOR_LISTEN", "127.0.0.1:0")
            .env("ORCHESTRATOR_ADMIN_LISTEN", "127.0.0.1:0")
            .env("ORCHESTRATOR_DESK_LISTEN", desk.to_string())
            .env("ORCHESTRATOR_ACCOUNTS_FILE", "accounts.toml")
            .env("ORCHESTRATOR_DATABASE_URL", &self.url)
            .env("ORCHESTRATOR_FEDERATED_AUTH_SECRET", services::ORCHESTRATOR_SECRET)
            .env("ORCHESTRATOR_FINGERPRINT_KEY", "0".repeat(64))
            .env("ORCHESTRATOR_WEBHOOK_ALLOW_PRIVATE", "true")
            .env("ORCHESTRATOR_DESK_URL", "http://desk.example.com")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }

    /// Kills a replica and starts it again.
    fn kill(&mut self, nth: usize) {
        let nth = nth % self.replicas.len();
        let replica = &mut self.replicas[nth];
        replica.process.kill().unwrap();
        replica.process.wait().unwrap();
        let desk = replica.desk;
        self.replicas[nth].process = self.start(desk);
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        for replica in &mut self.replicas {
            let _ = replica.process.kill();
            let _ = replica.process.wait();
        }
    }
}

/// Writes messages to a conversation until there are enough, each until it is accepted. Returns the sids.
async fn write(
    desks: Vec<SocketAddr>,
    conversation: ConversationSid,
    written: Arc<AtomicUsize>,
) -> Vec<String> {
    let client = service_runtime::client::http_client().timeout(Duration::from_secs(5)).build().unwrap();
    let mut sids = Vec::new();
    for number in 0.. {
        if written.load(Ordering::SeqCst) >= (KILLS + 1) * MESSAGES {
            break;
        }
        for nth in number.. {
            let url = format!("http://{}/v1/Conversations/{conversation}/Messages", desks[nth % desks.len()]);
            let request = client
                .post(url)
                .basic_auth(KEY.0, Some(KEY.1))
                .header("idempotency-key", format!("{number}"))
                .header("content-type", "application/x-www-form-urlencoded")
                .body(format!("Author=Zoe&Body={number}"));
            let Ok(answer) = request.send().await else {
                // The replica is being started.
                tokio::time::sleep(Duration::from_millis(20)).await;
                continue;
            };
            if answer.status() == 201
                && let Ok(text) = answer.text().await
            {
                let message: serde_json::Value = serde_json::from_str(&text).unwrap();
                sids.push(message["sid"].as_str().unwrap().to_owned());
                written.fetch_add(1, Ordering::SeqCst);
                break;
            }
        }
    }
    sids
}

async fn killed_replicas_lose_no_event(mut fleet: Fleet) {
    let written = Arc::new(AtomicUsize::new(0));
    let desks: Vec<_> = fleet.replicas.iter().map(|replica| replica.desk).collect();
    let mut writers = JoinSet::new();
    for number in 1..=CONVERSATIONS {
        writers.spawn(write(desks.clone(), ConversationSid::from_bits(number), written.clone()));
    }
    for kill in 1..=KILLS {
        let enough = async || written.load(Ordering::SeqCst) >= kill * MESSAGES;
        eventually(Duration::from_secs(60), "messages written", enough).await;
        fleet.kill(kill);
    }
    let sent: BTreeSet<String> = writers.join_all().await.concat().into_iter().collect();
    assert!(sent.len() >= (KILLS + 1) * MESSAGES);
    let mut database = Direct::connect(&fleet.url).await;
    eventually(Duration::from_secs(90), "an empty outbox", async || {
        database.number("SELECT COUNT(*) FROM webhook_events").await == 0
    })
    .await;

    let webhooks = requests(&fleet.receiver);
    let mut by_id: HashMap<&str, &Received> = HashMap::new();
    let mut indexes: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
    for webhook in &webhooks {
        match by_id.get(webhook.id.as_str()) {
            Some(first) => assert_eq!(first.text, webhook.text),
            None => {
                by_id.insert(&webhook.id, webhook);
                let conversation = webhook.body["data"]["conversation_sid"].as_str().unwrap();
                indexes.entry(conversation).or_default().push(webhook.index());
            }
        }
    }
    let received: BTreeSet<String> = by_id
        .values()
        .map(|webhook| webhook.body["data"]["message"]["sid"].as_str().unwrap().to_owned())
        .collect();
    let differing: Vec<_> = received.symmetric_difference(&sent).collect();
    assert!(differing.is_empty(), "{} of {}", differing.len(), sent.len());
    for (conversation, indexes) in indexes {
        let expected: Vec<i64> = (0..).take(indexes.len()).collect();
        assert_eq!(indexes, expected, "order in {conversation}");
    }
    let repeated = webhooks.len() - by_id.len();
    assert!(repeated <= KILLS * 64, "only attempts of killed processes are repeated: {repeated}");
    assert_eq!(ACCOUNT.to_string(), webhooks[0].body["data"]["account_sid"].as_str().unwrap());
}
