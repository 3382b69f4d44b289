//! Two replicas of every service with the same keys, accounts and stores.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use local_stack::{Answer, Guest, Stack, StackConfig, demo};
use secrecy::ExposeSecret;
use serde_json::json;
use service_runtime::random::Random;
use shared_types::SealedToken;
use store::DatabaseConfig;
use tempfile::TempDir;
use test_support::{direct::Direct, eventually, postgres::Cluster, within};
use token::{claims::Claims, key_file::KeyFile, key_ring::KeyRing};
use tokio::task::JoinSet;

/// Far longer than any wait here takes.
const SOON: Duration = Duration::from_secs(30);

test_support::on_both_engines! {
    Fleet:
    tokens_are_valid_at_every_replica,
    only_the_first_refresh_writes_a_row,
    revocations_reach_other_replicas_within_two_seconds,
    tokens_refreshed_before_a_revocation_arrives_are_revoked,
    sixty_four_refreshes_at_both_replicas_give_one_generation,
    revocations_survive_the_restart_of_all_replicas,
    old_conversations_and_sessions_are_purged,
}

struct Fleet {
    plan: StackConfig,
    /// Of conversations, and of sessions.
    databases: [String; 2],
    replicas: [Stack; 2],
    _data: TempDir,
}

impl Fleet {
    async fn on_sqlite() -> Self {
        Self::with(None).await
    }

    /// Both services in one database.
    async fn on_postgres() -> Self {
        Self::with(Some(migrated(Cluster::shared()).await)).await
    }

    async fn with(server: Option<String>) -> Self {
        let data = tempfile::tempdir().unwrap();
        std::fs::write(data.path().join("accounts.toml"), demo::accounts_without_limits()).unwrap();
        let databases = ["conversations.db", "sessions.db"].map(|file| {
            server.clone().unwrap_or_else(|| format!("sqlite://{}", data.path().join(file).display()))
        });
        // Looks at the store as often as it does by default: the bound is to hold as it is run.
        let plan = StackConfig {
            revocation_poll: StackConfig::in_folder(data.path()).revocation_poll,
            databases: databases.each_ref().map(DatabaseConfig::new),
            ..StackConfig::for_test(data.path())
        };
        let replicas = [Stack::start(&plan).await.unwrap(), Stack::start(&plan).await.unwrap()];
        Self { plan, databases, replicas, _data: data }
    }

    /// The number of rows in the table of conversations or of sessions.
    async fn count(&self, table: &'static str) -> i64 {
        let [conversations, sessions] = &self.databases;
        let (database, count) = match table {
            "conversations" => (conversations, "SELECT COUNT(*) FROM conversations"),
            "revocations" => (sessions, "SELECT COUNT(*) FROM revocations"),
            _ => (sessions, "SELECT COUNT(*) FROM sessions"),
        };
        Direct::connect(database).await.number(count).await
    }

    /// Waits until a table is empty.
    async fn until_purged(&self, table: &'static str) {
        let what = format!("{table} is empty");
        eventually(Duration::from_secs(30), &what, async || self.count(table).await == 0).await;
    }

    /// The same guest, calling one replica or the other.
    fn guest_at_each(&self) -> [Guest; 2] {
        self.replicas.each_ref().map(|replica| Guest::with_chrome(&replica.url, demo::DEPLOYMENT_ON))
    }

    /// The claims of a token.
    fn claims(&self, token: &str) -> Claims {
        let keys = KeyFile::load(&self.plan.keys_file()).unwrap();
        let ring = KeyRing::new(keys, Random::default().source()).unwrap();
        ring.open(&SealedToken::new(token.to_owned()).unwrap()).unwrap()
    }

    async fn operator_at_the_first(&self, body: serde_json::Value) -> Answer {
        let url = format!("http://{}/v1/Revocations", self.replicas[0].scoped_auth.admin_address);
        let operator = Guest::with_chrome(&url, "");
        let secret = self.replicas[0].operator_secret.expose_secret();
        operator.sends(operator.client().post(url).bearer_auth(secret).json(&body)).await
    }
}

/// The URL of a database with the tables of both services.
pub(crate) async fn migrated(cluster: &Cluster) -> String {
    let url = cluster.database().await;
    let config = DatabaseConfig::new(&url);
    config.migrate(conversations::MIGRATIONS).await.unwrap();
    config.migrate(scoped_auth::store::MIGRATIONS).await.unwrap();
    url
}

async fn tokens_are_valid_at_every_replica(fleet: Fleet) {
    let [here, there] = fleet.guest_at_each();
    let created = here.creates_token().await;
    let refreshed = there.refreshes_token(&created.text("token")).await;
    assert_eq!(refreshed.text("identity"), created.text("identity"));
    let opened = here.opens_conversation(&refreshed.text("token")).await.text("conversation_sid");
    let messages = there.reads_messages(&refreshed.text("token"), &opened, None).await;
    assert_eq!(messages.status, 200);
}

async fn only_the_first_refresh_writes_a_row(fleet: Fleet) {
    let [here, _] = fleet.guest_at_each();
    let token = here.creates_token().await.text("token");
    assert_eq!(fleet.count("sessions").await + fleet.count("revocations").await, 0);
    here.refreshes_token(&token).await;
    assert_eq!((fleet.count("sessions").await, fleet.count("revocations").await), (1, 0));
}

async fn revocations_reach_other_replicas_within_two_seconds(fleet: Fleet) {
    let [here, there] = fleet.guest_at_each();
    let account = "AC00000000000000000000000000000001";
    for kind in ["own session", "identity", "deployment", "account"] {
        let created = here.creates_token().await;
        let token = created.text("token");
        let conversation = there.opens_conversation(&token).await.text("conversation_sid");
        let answer = match kind {
            "own session" => here.ends_session(&token).await,
            "identity" => {
                let body = json!({"accountSid": account, "identity": created.text("identity")});
                fleet.operator_at_the_first(body).await
            }
            "deployment" => fleet.operator_at_the_first(json!({"deploymentKey": here.deployment_key})).await,
            _ => fleet.operator_at_the_first(json!({"accountSid": account})).await,
        };
        assert_eq!(answer.status, 200, "{kind}");
        let revoked = Instant::now();
        assert_eq!(here.reads_messages(&token, &conversation, None).await.code(), "revoked_token", "{kind}");
        while there.reads_messages(&token, &conversation, None).await.code() != "revoked_token" {
            assert!(revoked.elapsed() < Duration::from_secs(2), "{kind}");
        }
        // Tokens issued later are not revoked.
        fleet.plan.clock.advance(chrono::TimeDelta::milliseconds(1));
    }
}

async fn tokens_refreshed_before_a_revocation_arrives_are_revoked(fleet: Fleet) {
    let [here, there] = fleet.guest_at_each();
    let account = "AC00000000000000000000000000000001";
    let mut token = here.creates_token().await.text("token");
    assert_eq!(fleet.operator_at_the_first(json!({"accountSid": account})).await.status, 200);
    let revoked = Instant::now();
    // A token that the other replica still issues must be rejected as soon as the revocation arrives.
    loop {
        let answer = there.refreshes_token(&token).await;
        if answer.status != 200 {
            assert_eq!(answer.code(), "revoked_token");
            break;
        }
        token = answer.text("token");
        assert!(revoked.elapsed() < Duration::from_secs(2));
    }
    assert_eq!(here.refreshes_token(&token).await.code(), "revoked_token");
}

async fn sixty_four_refreshes_at_both_replicas_give_one_generation(fleet: Fleet) {
    let guests = fleet.guest_at_each();
    let first = guests[0].creates_token().await;
    let mut tabs = JoinSet::new();
    for tab in 0..64 {
        let (guest, token) = (guests[tab % 2].clone(), first.text("token"));
        tabs.spawn(async move { guest.refreshes_token(&token).await });
    }
    let answers = tabs.join_all().await;
    for answer in &answers {
        assert_eq!((answer.status, answer.text("identity")), (200, first.text("identity")));
    }
    let claims: Vec<_> = answers.iter().map(|answer| fleet.claims(&answer.text("token"))).collect();
    let names: HashSet<_> = claims.iter().map(|claims| (claims.jti, claims.exp)).collect();
    assert_eq!(names.len(), 1, "one `jti`, one `exp`");
    // One generation: all refreshes have the same successor, and the original token is two generations behind it.
    let [here, there] = guests;
    assert_eq!(here.refreshes_token(&answers[0].text("token")).await.status, 200);
    assert_eq!(there.refreshes_token(&answers[63].text("token")).await.status, 200);
    assert_eq!(there.refreshes_token(&first.text("token")).await.code(), "revoked_token");
}

async fn revocations_survive_the_restart_of_all_replicas(fleet: Fleet) {
    let [here, _] = fleet.guest_at_each();
    let (ended, other) = (here.creates_token().await.text("token"), here.creates_token().await.text("token"));
    assert_eq!(here.ends_session(&ended).await.status, 200);
    let Fleet { plan, replicas, _data, .. } = fleet;
    for replica in replicas {
        replica.stop().await;
    }
    let stack = Stack::start(&plan).await.unwrap();
    let guest = Guest::with_chrome(&stack.url, demo::DEPLOYMENT_ON);
    assert_eq!(guest.refreshes_token(&ended).await.code(), "revoked_token");
    assert_eq!(guest.refreshes_token(&other).await.status, 200);
}

async fn old_conversations_and_sessions_are_purged(fleet: Fleet) {
    let [here, there] = fleet.guest_at_each();
    let token = here.creates_token().await.text("token");
    let token = here.refreshes_token(&token).await.text("token");
    let conversation = there.opens_conversation(&token).await.text("conversation_sid");
    assert_eq!(here.says(&token, &conversation, "Hello").await.status, 201);
    assert_eq!(here.ends_session(&token).await.status, 200);
    fleet.plan.clock.advance(chrono::TimeDelta::days(2));
    fleet.until_purged("sessions").await;
    assert_eq!(fleet.count("revocations").await, 1, "the identity is not to be granted again");
    assert_eq!(fleet.count("conversations").await, 1);
    fleet.plan.clock.advance(chrono::TimeDelta::days(30));
    fleet.until_purged("conversations").await;
    fleet.until_purged("revocations").await;
}

#[tokio::test]
async fn stack_reports_a_database_outage_and_recovers() {
    let cluster = Cluster::launch();
    let fleet = Fleet::with(Some(migrated(&cluster).await)).await;
    let [guest, _] = fleet.guest_at_each();
    let token = guest.creates_token().await.text("token");
    let stack = &fleet.replicas[0];
    let services = [stack.orchestrator.admin_address, stack.scoped_auth.admin_address];
    let readiness = async |address| {
        let answer = guest.client().get(format!("http://{address}/readyz")).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    cluster.stop();
    for address in services {
        let reason = async {
            loop {
                let (status, reason) = readiness(address).await;
                if status == 503 {
                    break reason;
                }
            }
        };
        let reason = within(SOON, "not ready without its store", reason).await;
        assert!(reason.contains("the store cannot be "), "{reason}");
        assert!(!reason.contains("hunter2"), "{reason}");
    }
    let refused = guest.refreshes_token(&token).await;
    assert_eq!((refused.status, refused.code()), (503, "upstream_unavailable"));
    cluster.start();
    for address in services {
        eventually(SOON, "ready again", async || readiness(address).await.0 == 200).await;
    }
    assert_eq!(guest.refreshes_token(&token).await.status, 200);
}

#[tokio::test]
async fn replica_with_a_stale_revocation_list_fails_closed() {
    let data = tempfile::tempdir().unwrap();
    std::fs::write(data.path().join("accounts.toml"), demo::accounts_without_limits()).unwrap();
    let mut plan = StackConfig::for_test(data.path());
    plan.rules.staleness = Duration::from_secs(1);
    let stack = Stack::start(&plan).await.unwrap();
    let guest = Guest::with_chrome(&stack.url, demo::DEPLOYMENT_ON);
    let token = guest.creates_token().await.text("token");
    let database = rusqlite::Connection::open(data.path().join("sessions.db")).unwrap();
    database.execute_batch("ALTER TABLE revocations RENAME TO lost").unwrap();
    let refused = async {
        loop {
            let answer = guest.opens_conversation(&token).await;
            if answer.status != 201 {
                break answer;
            }
        }
    };
    let refused = within(SOON, "a call is refused", refused).await;
    assert_eq!((refused.status, refused.code()), (503, "upstream_unavailable"));
    let ready = || async {
        let url = format!("http://{}/readyz", stack.scoped_auth.admin_address);
        guest.client().get(url).send().await.unwrap().status().as_u16()
    };
    eventually(SOON, "not ready", async || ready().await == 503).await;

    database.execute_batch("ALTER TABLE lost RENAME TO revocations").unwrap();
    eventually(SOON, "ready again", async || ready().await == 200).await;
    assert_eq!(guest.opens_conversation(&token).await.status, 201, "it follows again and validates tokens");
}
