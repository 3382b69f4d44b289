//! PostgreSQL specifics: an operator migrates the schema, and the server may be away for a while.

use std::time::Duration;

use conversations::{Conversations, MIGRATIONS, OpenError, Range};
use store::{DatabaseConfig, Migrations};
use test_support::eventually;

use crate::store::{Store, conversation, identity, open, postgres::Cluster};

/// Far longer than any wait here takes.
const SOON: Duration = Duration::from_secs(30);

#[tokio::test]
async fn an_outdated_schema_is_not_opened() {
    let config = DatabaseConfig::new(Cluster::shared().database().await);
    let refused = Conversations::open(&config).await.unwrap_err();
    assert!(matches!(refused, OpenError::OutOfDate(_)), "{refused}");
    assert_eq!(
        refused.to_string(),
        "the database schema is older than this release; run `orchestrator migrate` first"
    );
    let applied = config.migrate(MIGRATIONS).await.unwrap();
    assert_eq!(applied, ["0001 conversations"]);
    assert!(config.migrate(MIGRATIONS).await.unwrap().is_empty());
    Conversations::open(&config).await.unwrap();
}

#[tokio::test]
async fn a_newer_schema_is_accepted() {
    let store = Store::on_postgres().await;
    let mut connection = store.connection().await;
    let newer = "INSERT INTO _orchestrator_migrations SELECT 9999, 'of the next release', installed_on, success, \
                 checksum, execution_time FROM _orchestrator_migrations WHERE version = 1";
    connection.execute(newer).await;
    open(&store.url).await;
    connection.execute("DELETE FROM _orchestrator_migrations WHERE version = 1").await;
    let refused = Conversations::open(&DatabaseConfig::new(&store.url)).await.unwrap_err();
    assert!(matches!(refused, OpenError::OutOfDate(_)), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_migrations_run_once() {
    let config = DatabaseConfig::new(Cluster::shared().database().await);
    let applied = tokio::join!(
        config.migrate(MIGRATIONS),
        config.migrate(MIGRATIONS),
        config.migrate(MIGRATIONS),
        config.migrate(MIGRATIONS),
    );
    let applied = [applied.0, applied.1, applied.2, applied.3].map(|applied| applied.unwrap().len());
    assert_eq!(applied.iter().sum::<usize>(), 1, "{applied:?}");
    assert_eq!(applied.iter().max(), Some(&1), "{applied:?}");
}

#[tokio::test]
async fn two_services_can_share_a_database() {
    let store = Store::on_postgres().await;
    let other =
        Migrations::new("another", || store::migrator(&[("sessions", "CREATE TABLE sessions (id TEXT)")]));
    assert_eq!(DatabaseConfig::new(&store.url).migrate(other).await.unwrap().len(), 1);
    open(&store.url).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_pool_reconnects_after_a_server_restart() {
    let cluster = Cluster::launch();
    let url = cluster.database().await;
    DatabaseConfig::new(&url).migrate(MIGRATIONS).await.unwrap();
    let store = open(&url).await;
    let sid = store.open_conversation(conversation(1, 1)).await.unwrap().sid;
    cluster.stop();
    assert!(store.probe().await.is_err());
    assert!(store.open_conversation(conversation(2, 2)).await.is_err());
    cluster.start();
    eventually(SOON, "the server is found again", async || store.probe().await.is_ok()).await;
    let messages =
        store.messages(crate::store::ACCOUNT, identity(1), sid, Range::After(None), 10).await.unwrap();
    assert_eq!(messages.unwrap().messages.len(), 1);
    store.open_conversation(conversation(2, 2)).await.unwrap();
}

#[tokio::test]
async fn broken_connections_are_replaced() {
    let store = Store::on_postgres().await;
    let broken = "SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity \
                  WHERE datname = current_database() AND pid <> pg_backend_pid()";
    assert!(store.count(broken).await > 0);
    store.conversations.probe().await.unwrap();
    store.open(conversation(1, 1)).await;
}
