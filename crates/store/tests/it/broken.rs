//! Connections that PostgreSQL closes: calls that are idempotent are repeated once, all others are not.

use store::{Database, Sql};
use test_support::{direct::Direct, postgres::Cluster};
use tokio::task::JoinSet;

use crate::{count, open};

// `nextval` is not rolled back: it counts the attempts.
static SUICIDE: Sql =
    Sql::new("SELECT nextval('attempts'), pg_terminate_backend(pg_backend_pid())::text, pg_sleep(60)::text");

async fn database() -> (Database, Direct) {
    let url = Cluster::shared().database().await;
    let database = open(&url, &url).await;
    let mut server = Direct::connect(&url).await;
    server.execute("CREATE SEQUENCE attempts").await;
    (database, server)
}

async fn attempts(server: &mut Direct) -> i64 {
    let attempts = server.number("SELECT last_value FROM attempts").await;
    server.execute("ALTER SEQUENCE attempts RESTART").await;
    attempts
}

#[tokio::test]
async fn idempotent_calls_are_repeated_once_and_others_are_not() {
    let (database, mut server) = database().await;
    assert!(database.read(SUICIDE.with([])).await.is_err());
    assert_eq!(attempts(&mut server).await, 2);
    assert!(database.write_idempotent(vec![SUICIDE.with([])]).await.is_err());
    assert_eq!(attempts(&mut server).await, 2);
    assert!(database.write([SUICIDE.with([])]).await.is_err());
    assert_eq!(attempts(&mut server).await, 1);
    assert_eq!(count(&database).await, 0, "it works again at once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_read_fails_when_all_connections_are_closed() {
    let (database, mut server) = database().await;
    let read_at_once = async || {
        let mut calls = JoinSet::new();
        for _ in 0..8 {
            let database = database.clone();
            calls.spawn(async move { count(&database).await });
        }
        calls.join_all().await;
    };
    read_at_once().await;
    server
        .number(
            "SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity \
             WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )
        .await;
    read_at_once().await;
}
