//! A PostgreSQL database that is read-only for a while. What a session inherited when it began, it keeps: such a
//! connection must be replaced.

use store::Database;
use test_support::{direct::Direct, eventually, postgres::Cluster};

use crate::{GUESTS_PATIENCE, PROBE, SOON, count, insert, open};

const DISCONNECT: &str = "SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity \
                          WHERE datname = current_database() AND pid <> pg_backend_pid()";

async fn is_writable(database: &Database) -> bool {
    database.probe(PROBE.with([])).await.is_ok()
}

#[tokio::test]
async fn connections_opened_while_the_database_was_read_only_are_replaced() {
    let url = Cluster::shared().database().await;
    let database = open(&url, &url).await;
    // This connection stays writable.
    let mut operator = Direct::connect(&url).await;
    operator.execute("SET default_transaction_read_only = off").await;
    assert!(is_writable(&database).await);

    let name = url.split('?').next().unwrap().rsplit('/').next().unwrap();
    operator.execute(&format!("ALTER DATABASE {name} SET default_transaction_read_only = on")).await;
    operator.number(DISCONNECT).await;
    // Replaces the closed connections.
    count(&database).await;
    let error = insert(&database).await.unwrap_err();
    assert!(error.to_string().contains("read-only transaction"), "{error}");
    assert!(!is_writable(&database).await);
    assert_eq!(count(&database).await, 0, "reads go on");

    operator.execute(&format!("ALTER DATABASE {name} RESET default_transaction_read_only")).await;
    eventually(GUESTS_PATIENCE, "writes succeed again", async || insert(&database).await.is_ok()).await;
    eventually(GUESTS_PATIENCE, "and it says so", async || is_writable(&database).await).await;
}

/// As a proxy reports it that has moved to another primary: the first write on a stale connection is repeated on a new
/// one.
#[tokio::test]
async fn a_write_on_a_read_only_connection_is_repeated_on_another() {
    let url = Cluster::shared().database().await;
    let database = open(&url, &url).await;
    let mut operator = Direct::connect(&url).await;
    operator.execute("SET default_transaction_read_only = off").await;
    let name = url.split('?').next().unwrap().rsplit('/').next().unwrap();
    operator.execute(&format!("ALTER DATABASE {name} SET default_transaction_read_only = on")).await;
    operator.number(DISCONNECT).await;
    count(&database).await;
    operator.execute(&format!("ALTER DATABASE {name} RESET default_transaction_read_only")).await;
    insert(&database).await.unwrap();
    assert_eq!(count(&database).await, 1);
}

#[tokio::test]
async fn a_server_set_read_only_is_not_writable_until_it_is_reset() {
    let cluster = Cluster::launch();
    let url = cluster.database().await;
    let database = open(&url, &url).await;
    let mut operator = Direct::connect(&url).await;
    for (setting, writable) in [("on", false), ("off", true)] {
        operator.execute(&format!("ALTER SYSTEM SET default_transaction_read_only = {setting}")).await;
        operator.number("SELECT pg_reload_conf()::int::bigint").await;
        eventually(SOON, setting, async || is_writable(&database).await == writable).await;
        eventually(SOON, setting, async || insert(&database).await.is_ok() == writable).await;
    }
}
