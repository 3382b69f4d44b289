//! Faults of the database while the service runs: it answers in time, says when to try again, and is not ready.

use std::{fs, time::Duration};

use scoped_auth::store::MIGRATIONS;
use serde_json::json;
use store::DatabaseConfig;
use test_support::{eventually, postgres::Cluster, tcp_proxy::TcpProxy, within};
use tokio::task::JoinSet;

use crate::api::{
    ACCOUNT, OPERATOR_SECRET, Sas, VALIDATE,
    direct::Direct,
    generate_request,
    http::{Answer, Request},
    refresh_request,
    services::{FEDERATED_AUTH_SECRET, is_not_ready, is_ready, is_ready_again},
};

/// Far longer than any wait here takes.
const SOON: Duration = Duration::from_secs(30);

impl Sas {
    async fn on(url: &str, store_timeout: Duration) -> Self {
        Self::with(|config| {
            config.database = DatabaseConfig::new(url);
            config.rules.store_timeout = store_timeout;
        })
        .await
    }

    async fn revokes_the_account(&self) -> Answer {
        let request = Request::post("/v1/Revocations").bearer(OPERATOR_SECRET);
        request.json(&json!({"accountSid": ACCOUNT})).send(self.running.admin_address).await
    }

    async fn validates_for_refresh(&self, token: &str) -> Answer {
        self.answers_federated_auth(refresh(token)).await
    }
}

fn refresh(token: &str) -> Request {
    Request::post(VALIDATE).json(&refresh_request(token, json!({})))
}

#[tokio::test(flavor = "multi_thread")]
async fn while_another_writer_holds_the_lock_it_answers_503_before_its_caller_gives_up() {
    let patience = Duration::from_millis(300);
    let sas = Sas::with(|config| config.rules.store_timeout = patience).await;
    let token = sas.token(&generate_request(json!({}))).await;
    let mut other = sas.store().await;
    other.execute("BEGIN IMMEDIATE").await;
    let began = std::time::Instant::now();
    sas.validates_for_refresh(&token).await.is_refusal(503, "upstream_unavailable");
    sas.revokes_the_account().await.is_refusal(503, "upstream_unavailable");
    assert!(began.elapsed() < Duration::from_secs(3), "SQLite itself waits for 5 s");
    assert_eq!(sas.validates(&json!({"token": token})).await.body()["authorized"], true, "reads go on");
    is_not_ready(&sas.running, "the store cannot be written to").await;

    other.execute("COMMIT").await;
    is_ready_again(&sas.running).await;
    assert_eq!(sas.validates_for_refresh(&token).await.status, 200);
}

/// The revocation would be lost with the process.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_revoked_in_a_file_that_was_removed() {
    let sas = Sas::start().await;
    let token = sas.token(&generate_request(json!({}))).await;
    is_ready(&sas.running).await;
    fs::remove_file(sas.data.path().join("sessions.db")).unwrap();
    is_not_ready(&sas.running, "the database file was removed or replaced").await;
    sas.revokes_the_account().await.is_refusal(503, "upstream_unavailable");
    sas.validates_for_refresh(&token).await.is_refusal(503, "upstream_unavailable");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_not_ready_while_postgres_is_read_only() {
    let url = Cluster::shared().database().await;
    DatabaseConfig::new(&url).migrate(MIGRATIONS).await.unwrap();
    let sas = Sas::on(&url, SOON).await;
    let token = sas.token(&generate_request(json!({}))).await;
    let mut operator = Direct::connect(&url).await;
    operator.execute("SET default_transaction_read_only = off").await;
    let name = url.split('?').next().unwrap().rsplit('/').next().unwrap();
    operator.execute(&format!("ALTER DATABASE {name} SET default_transaction_read_only = on")).await;
    let disconnect = "SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity \
                      WHERE datname = current_database() AND pid <> pg_backend_pid()";
    operator.number(disconnect).await;
    is_not_ready(&sas.running, "read-only transaction").await;
    sas.validates_for_refresh(&token).await.is_refusal(503, "upstream_unavailable");

    operator.execute(&format!("ALTER DATABASE {name} RESET default_transaction_read_only")).await;
    is_ready_again(&sas.running).await;
    eventually(SOON, "tokens are refreshed", async || sas.validates_for_refresh(&token).await.status == 200)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_guests_are_served_when_idle_connections_were_dropped_in_silence() {
    let direct = Cluster::shared().database().await;
    DatabaseConfig::new(&direct).migrate(MIGRATIONS).await.unwrap();
    let proxy = TcpProxy::to_postgres(Cluster::shared()).await;
    let sas = Sas::on(&proxy.url(&direct), Duration::from_secs(2)).await;
    let mut tokens = Vec::new();
    for _ in 0..8 {
        tokens.push(sas.token(&generate_request(json!({}))).await);
    }
    let mut server = Direct::connect(&direct).await;
    for _round in 0..3 {
        let idle = "SELECT COUNT(*) FILTER (WHERE state_change > clock_timestamp() - interval '150 ms' \
                    AND query NOT LIKE '%revocations%') FROM pg_stat_activity \
                    WHERE datname = current_database() AND pid <> pg_backend_pid()";
        eventually(SOON, "the connections are idle", async || server.number(idle).await == 0).await;
        proxy.black_hole();
        let mut guests = JoinSet::new();
        for token in &tokens {
            let (request, address) = (refresh(token).bearer(FEDERATED_AUTH_SECRET), sas.running.address());
            guests.spawn(async move { request.send(address).await });
        }
        let answers = within(SOON, "all are answered", guests.join_all()).await;
        for answer in answers {
            assert_eq!(answer.status, 200, "{}", answer.text);
        }
    }
    is_ready_again(&sas.running).await;
}
