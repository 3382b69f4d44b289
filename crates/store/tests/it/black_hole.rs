//! Connections to PostgreSQL that are dropped in silence: nothing is closed, and nothing is answered.

use std::sync::Arc;

use store::{Database, Notification, Sql};
use test_support::{direct::Direct, eventually, postgres::Cluster, tcp_proxy::TcpProxy, within};
use tokio::{sync::Notify, task::JoinSet};

use crate::{GUESTS_PATIENCE, SOON, count, insert, open};

const GUESTS: usize = 8;

/// A database of `GUESTS` open connections through a proxy.
async fn behind_a_proxy() -> (TcpProxy, Database, Direct) {
    let direct = Cluster::shared().database().await;
    let proxy = TcpProxy::to_postgres(Cluster::shared()).await;
    let database = open(&proxy.url(&direct), &direct).await;
    (proxy, database, Direct::connect(&direct).await)
}

/// Opens all connections of the pool at once, and returns when all of them have been idle for 200 ms.
async fn open_all_connections(database: &Database, server: &mut Direct) {
    static SLOW: Sql = Sql::new("SELECT pg_sleep(0.2)");
    let mut calls = JoinSet::new();
    for _ in 0..GUESTS {
        let database = database.clone();
        calls.spawn(async move { database.read(SLOW.with([])).await.map(drop).unwrap() });
    }
    calls.join_all().await;
    const IDLE: &str = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() \
                        AND pid <> pg_backend_pid() AND state = 'idle' \
                        AND state_change < clock_timestamp() - interval '200 ms'";
    eventually(SOON, "all connections are idle", async || {
        server.number(IDLE).await >= i64::try_from(GUESTS).unwrap()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silent_idle_connections_are_replaced_within_the_call() {
    let (proxy, database, mut server) = behind_a_proxy().await;
    open_all_connections(&database, &mut server).await;
    proxy.black_hole();
    let mut guests = JoinSet::new();
    for _ in 0..GUESTS {
        let database = database.clone();
        guests.spawn(async move {
            insert(&database).await.unwrap();
            count(&database).await
        });
    }
    let counts = within(GUESTS_PATIENCE, "every guest is served", guests.join_all()).await;
    assert_eq!(counts.len(), GUESTS);
    assert_eq!(count(&database).await, i64::try_from(GUESTS).unwrap(), "each wrote once");
}

/// A single guest finds one silent connection after the other, unless one of them is a warning about the others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_silent_connection_replaces_all_of_them() {
    let (proxy, database, mut server) = behind_a_proxy().await;
    open_all_connections(&database, &mut server).await;
    proxy.black_hole();
    let rounds = async {
        for _ in 0..GUESTS {
            count(&database).await;
        }
    };
    // Eight pings that time out take 2.4 s.
    within(std::time::Duration::from_millis(1500), "eight rounds of one guest", rounds).await;
}

/// Callers that were cancelled while the server was silent leave connections that never answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silent_connections_do_not_keep_their_places() {
    static SLOW: Sql = Sql::new("SELECT pg_sleep(60)");
    const RUNNING: &str = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() \
                           AND query = 'SELECT pg_sleep(60)' AND state = 'active'";
    let (proxy, database, mut server) = behind_a_proxy().await;
    let mut callers = JoinSet::new();
    for _ in 0..GUESTS {
        let database = database.clone();
        callers.spawn(async move { database.read(SLOW.with([])).await.map(drop) });
    }
    let all = i64::try_from(GUESTS).unwrap();
    eventually(SOON, "all connections are in use", async || server.number(RUNNING).await == all).await;
    proxy.black_hole();
    callers.shutdown().await;
    eventually(SOON, "there are places again", async || insert(&database).await.is_ok()).await;
    within(SOON, "the pool closes", database.close()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_listener_reconnects() {
    let (proxy, database, mut server) = behind_a_proxy().await;
    let (connected, notified) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (on_connect, on_notify) = (connected.clone(), notified.clone());
    let listener = tokio::spawn(async move {
        database
            .listen("changes", |notification| match notification {
                Notification::Connected => on_connect.notify_one(),
                Notification::Received(_) => on_notify.notify_one(),
            })
            .await;
    });
    within(SOON, "it listens", connected.notified()).await;
    proxy.black_hole();
    within(SOON, "it listens again", connected.notified()).await;
    server.execute("NOTIFY changes").await;
    within(SOON, "it is notified", notified.notified()).await;
    listener.abort();
}
