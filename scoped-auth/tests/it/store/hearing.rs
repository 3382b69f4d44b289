//! Propagation of revocations between replicas: immediately by PostgreSQL's NOTIFY, and always by polling.

use std::{sync::Arc, time::Duration};

use chrono::TimeDelta;
use scoped_auth::sessions::{Rules, Sessions};
use test_support::{direct::Direct, eventually, postgres::Cluster};
use tokio::{task::JoinHandle, time::timeout};

use crate::store::{Store, account, claims, now};

const HOUR: Duration = Duration::from_secs(3600);
/// Far longer than any wait here takes.
const SOON: Duration = Duration::from_secs(30);
/// Within which every replica honours a revocation.
const BOUND: Duration = Duration::from_secs(2);
/// The connections that listen: PostgreSQL shows the last statement of each connection.
const LISTENING: &str = "SELECT COUNT(*) FROM pg_stat_activity \
                         WHERE datname = current_database() AND query LIKE 'LISTEN%'";
const SILENCE: &str = "SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity \
                       WHERE datname = current_database() AND query LIKE 'LISTEN%'";

/// A replica that follows the revocations, with this poll interval.
struct Replica {
    sessions: Sessions,
    follower: JoinHandle<()>,
}

impl Replica {
    async fn start(store: &Store, number: usize, period: Duration) -> Self {
        let rules = Rules {
            session_max: HOUR,
            grace: HOUR,
            resume_window: HOUR,
            staleness: HOUR,
            revocation_retention: HOUR,
            store_timeout: Duration::from_secs(10),
        };
        let sessions = Sessions::open(store.replicas[number].clone(), rules, now()).await.unwrap();
        let followed = sessions.clone();
        Self { sessions, follower: tokio::spawn(async move { followed.follow(period).await }) }
    }

    async fn knows(&self, n: u128) {
        let known = async {
            while !self.sessions.is_revoked(&claims(n)) {
                tokio::task::yield_now().await;
            }
        };
        assert!(timeout(BOUND, known).await.is_ok(), "revocation {n} did not arrive in time");
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        self.follower.abort();
    }
}

async fn until_listening(store: &Store) {
    eventually(SOON, "a listener is connected", async || store.count(LISTENING).await > 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_notification_updates_a_replica_at_once() {
    let store = Store::on_postgres().await;
    let replica = Replica::start(&store, 0, HOUR).await;
    until_listening(&store).await;
    for n in 1..=5 {
        store.replicas[1].revoke(account(n), now(), now() + TimeDelta::hours(2)).await.unwrap();
        replica.knows(n).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn revocations_missed_while_disconnected_are_read_on_reconnect() {
    let store = Store::on_postgres().await;
    let replica = Replica::start(&store, 0, HOUR).await;
    until_listening(&store).await;
    eventually(SOON, "the listener is cut off", async || store.count(SILENCE).await > 0).await;
    store.replicas[1].revoke(account(1), now(), now() + TimeDelta::hours(2)).await.unwrap();
    replica.knows(1).await;
    until_listening(&store).await;
    store.replicas[1].revoke(account(2), now(), now() + TimeDelta::hours(2)).await.unwrap();
    replica.knows(2).await;
}

/// On both engines: SQLite has no notifications, and a listener that PostgreSQL rejects receives none.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_without_notifications_polls() {
    let on_sqlite = Store::on_sqlite().await;
    let on_postgres = Store::on_postgres().await;
    for store in [&on_sqlite, &on_postgres] {
        let replica = Arc::new(Replica::start(store, 0, Duration::from_millis(100)).await);
        let is_postgres = store.url.starts_with("postgres");
        let silencer = if is_postgres {
            until_listening(store).await;
            let url = store.url.clone();
            // Repeats after each reconnect.
            Some(tokio::spawn(async move {
                let mut connection = Direct::connect(&url).await;
                loop {
                    connection.number(SILENCE).await;
                }
            }))
        } else {
            None
        };
        for n in 1..=5 {
            store.replicas[1].revoke(account(n), now(), now() + TimeDelta::hours(2)).await.unwrap();
            replica.knows(n).await;
        }
        if let Some(silencer) = silencer {
            silencer.abort();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_listener_reconnects_after_a_server_restart() {
    let cluster = Cluster::launch();
    let url = cluster.database().await;
    let config = store::DatabaseConfig::new(&url);
    config.migrate(scoped_auth::store::MIGRATIONS).await.unwrap();
    let store =
        Store { replicas: [crate::store::open(&url).await, crate::store::open(&url).await], url, _dir: None };
    let replica = Replica::start(&store, 0, Duration::from_millis(100)).await;
    cluster.stop();
    assert!(store.replicas[1].revoke(account(1), now(), now() + TimeDelta::hours(2)).await.is_err());
    let at_the_stop = replica.sessions.age();
    while replica.sessions.age() < at_the_stop + Duration::from_millis(500) {
        tokio::task::yield_now().await;
    }
    cluster.start();
    let revoke = async || store.replicas[1].revoke(account(2), now(), now() + TimeDelta::hours(2)).await;
    eventually(SOON, "the server is back", async || revoke().await.is_ok()).await;
    eventually(SOON, "revocations are followed again", async || replica.sessions.is_revoked(&claims(2)))
        .await;
    eventually(SOON, "the list is fresh", async || replica.sessions.age() <= BOUND).await;
}
