//! Faults of the database while the service runs: it is not ready, and guests get an error that they can retry.

use std::{fs, time::Duration};

use conversations::MIGRATIONS;
use serde_json::json;
use store::DatabaseConfig;
use test_support::{
    direct::Direct,
    eventually,
    postgres::Cluster,
    services::{is_not_ready, is_ready, is_ready_again, sqlite_url},
    tcp_proxy::TcpProxy,
    within,
};
use tokio::task::JoinSet;

use crate::api::{Fwo, ON, OPEN, chrome, http::Request};

/// Far longer than any wait here takes.
const SOON: Duration = Duration::from_secs(30);

impl Fwo {
    async fn on(url: &str) -> Self {
        Self::with(|config| config.database = DatabaseConfig::new(url)).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_not_ready_while_another_writer_holds_the_lock() {
    let data = tempfile::tempdir().unwrap();
    let url = sqlite_url(&data.path().join("db"));
    let fwo = Fwo::on(&url).await;
    let token = fwo.token(ON).await;
    let mut other = Direct::connect(&url).await;
    other.execute("BEGIN IMMEDIATE").await;
    is_not_ready(&fwo.running, "the store cannot be written to").await;
    fwo.opens_conversation(&token).await.is_refusal(503, "upstream_unavailable");
    other.execute("COMMIT").await;
    is_ready_again(&fwo.running).await;
    assert_eq!(fwo.opens_conversation(&token).await.status, 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_said_in_a_file_that_was_removed() {
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("db");
    let fwo = Fwo::on(&sqlite_url(&file)).await;
    let token = fwo.token(ON).await;
    is_ready(&fwo.running).await;
    fs::remove_file(file).unwrap();
    is_not_ready(&fwo.running, "the database file was removed or replaced").await;
    fwo.opens_conversation(&token).await.is_refusal(503, "upstream_unavailable");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_not_ready_while_postgres_is_read_only() {
    let url = Cluster::shared().database().await;
    DatabaseConfig::new(&url).migrate(MIGRATIONS).await.unwrap();
    let fwo = Fwo::on(&url).await;
    let token = fwo.token(ON).await;
    let mut operator = Direct::connect(&url).await;
    operator.execute("SET default_transaction_read_only = off").await;
    let name = url.split('?').next().unwrap().rsplit('/').next().unwrap();
    operator.execute(&format!("ALTER DATABASE {name} SET default_transaction_read_only = on")).await;
    let disconnect = "SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity \
                      WHERE datname = current_database() AND pid <> pg_backend_pid()";
    operator.number(disconnect).await;
    is_not_ready(&fwo.running, "read-only transaction").await;
    fwo.opens_conversation(&token).await.is_refusal(503, "upstream_unavailable");
    operator.execute(&format!("ALTER DATABASE {name} RESET default_transaction_read_only")).await;
    is_ready_again(&fwo.running).await;
    eventually(SOON, "conversations open", async || fwo.opens_conversation(&token).await.status == 201).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_guests_are_served_when_idle_connections_were_dropped_in_silence() {
    let direct = Cluster::shared().database().await;
    DatabaseConfig::new(&direct).migrate(MIGRATIONS).await.unwrap();
    let proxy = TcpProxy::to_postgres(Cluster::shared()).await;
    let fwo = Fwo::on(&proxy.url(&direct)).await;
    let mut guests = Vec::new();
    for _ in 0..8 {
        let token = fwo.token(ON).await;
        assert_eq!(fwo.opens_conversation(&token).await.status, 201);
        guests.push(token);
    }
    let mut server = Direct::connect(&direct).await;
    for _round in 0..3 {
        let active = "SELECT COUNT(*) FILTER (WHERE state_change > clock_timestamp() - interval '150 ms') \
                      FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
        eventually(SOON, "the connections are idle", async || server.number(active).await == 0).await;
        proxy.black_hole();
        let mut calls = JoinSet::new();
        for token in &guests {
            let request = chrome(Request::post(OPEN)).bearer(token).json(&json!({}));
            let address = fwo.running.address();
            calls.spawn(async move { request.send(address).await });
        }
        // Less than the module waits.
        let answers = within(Duration::from_secs(10), "all are answered", calls.join_all()).await;
        for answer in answers {
            assert_eq!(answer.status, 201, "{}", answer.text);
        }
    }
}
