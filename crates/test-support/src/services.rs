//! Configurations of the three services for tests: one worker, no drain, files of SQLite and keys in the test's folder, and
//! secrets that the tests know.

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use orchestrator::{admission::client_address::TrustedProxies, dpop::PublicUrls};
use scoped_auth::{config::MissingKeys, sessions::Rules};
use secrecy::SecretString;
use service_runtime::{
    Clock, Listeners, Running, ServiceCredential, random::Random, server::KEEP_ALIVE, spans::SpanConfig,
};
use shared_types::fingerprint::{FingerprintKey, FingerprintKeys};
use store::DatabaseConfig;

use crate::{eventually, http::Request};

/// A timeout that a busy machine does not reach.
pub const PATIENT: Duration = Duration::from_secs(10);
/// The orchestrator's credential at FederatedAuthService.
pub const ORCHESTRATOR_SECRET: &str = "what-orchestrator-proves-itself-with";
/// FederatedAuthService's credential at ScopedAuthService.
pub const FEDERATED_AUTH_SECRET: &str = "what-federated-auth-proves-itself-with";

/// The issuer of assertions.
pub const ISSUER: &str = "https://chat.example.com";

/// The credential with this secret.
pub fn credential(secret: &str) -> ServiceCredential {
    ServiceCredential::new(&SecretString::from(secret)).unwrap()
}

/// ScopedAuthService, with its keys and sessions in `data`.
pub fn scoped_auth(data: &Path, clock: &Clock) -> scoped_auth::Config {
    scoped_auth::Config {
        workers: 1,
        drain: Duration::ZERO,
        keep_alive: KEEP_ALIVE,
        tls: None,
        federated_auth_secrets: vec![SecretString::from(FEDERATED_AUTH_SECRET)],
        keys_file: data.join("keys.json"),
        missing_keys: MissingKeys::Create,
        issuer: Some(ISSUER.into()),
        database: sqlite(&data.join("sessions.db")),
        rules: Rules { store_timeout: PATIENT, ..Rules::default() },
        revocation_poll: Duration::from_millis(500),
        operator_secrets: Vec::new(),
        clock: clock.clone(),
        spans: SpanConfig::OFF,
        random: Random::default(),
    }
}

/// FederatedAuthService, with ScopedAuthService at `scoped_auth`. Tokens live for six hours.
pub fn federated_auth(scoped_auth: SocketAddr, clock: &Clock) -> federated_auth::Config {
    federated_auth::Config {
        workers: 1,
        drain: Duration::ZERO,
        keep_alive: KEEP_ALIVE,
        tls: None,
        orchestrator_secrets: vec![SecretString::from(ORCHESTRATOR_SECRET)],
        scoped_auth: federated_auth::Config::scoped_auth(
            format!("http://{scoped_auth}"),
            credential(FEDERATED_AUTH_SECRET),
            PATIENT,
        ),
        token_ttl_seconds: 6 * 3600,
        clock: clock.clone(),
        spans: SpanConfig::OFF,
        random: Random::default(),
    }
}

/// FlexWebchatOrchestratorService, with FederatedAuthService at `federated_auth`, and `accounts.toml` and conversations in
/// `data`.
pub fn orchestrator(data: &Path, federated_auth: SocketAddr, clock: &Clock) -> orchestrator::Config {
    orchestrator::Config {
        workers: 1,
        drain: Duration::ZERO,
        keep_alive: KEEP_ALIVE,
        accounts_file: data.join("accounts.toml"),
        accounts_period: Duration::from_secs(3600),
        database: sqlite(&data.join("conversations.db")),
        conversation_retention: Duration::from_secs(30 * 24 * 3600),
        federated_auth: orchestrator::Config::federated_auth(
            format!("http://{federated_auth}"),
            credential(ORCHESTRATOR_SECRET),
            PATIENT,
        ),
        flex_configuration: None,
        fingerprint_keys: Arc::new(
            FingerprintKeys::new(vec![FingerprintKey::new(vec![7; 32]).unwrap()]).unwrap(),
        ),
        trusted_proxies: TrustedProxies::default(),
        public_urls: PublicUrls::default(),
        answer_bytes: 32 * 1024 * 1024,
        waiting: 2000,
        welcome_message: "Welcome!".to_owned(),
        desk_listen: None,
        desk_url: None,
        authorize: None,
        webhook_allow_private: true,
        webhook_lookup: orchestrator::clients::webhook::system_lookup(),
        clock: clock.clone(),
        spans: SpanConfig::OFF,
        random: Random::default(),
    }
}

/// Starts ScopedAuthService on a free port.
pub async fn start_scoped_auth(config: scoped_auth::Config) -> Running {
    scoped_auth::start(config, Listeners::loopback().unwrap()).await.unwrap()
}

/// Starts FederatedAuthService on a free port.
pub fn start_federated_auth(config: federated_auth::Config) -> Running {
    federated_auth::start(config, Listeners::loopback().unwrap()).unwrap()
}

/// Starts FlexWebchatOrchestratorService on a free port.
pub async fn start_orchestrator(config: orchestrator::Config) -> Running {
    orchestrator::start(config, Listeners::loopback().unwrap()).await.unwrap()
}

/// Asserts that a service is not ready, for a reason that contains this text.
pub async fn is_not_ready(running: &Running, reason: &str) {
    let answer = Request::get("/readyz").send(running.admin_address).await;
    assert_eq!(answer.status, 503, "{}", answer.text);
    assert!(answer.member("reason").contains(reason), "{}", answer.text);
}

/// Asserts that a service is ready.
pub async fn is_ready(running: &Running) {
    let answer = Request::get("/readyz").send(running.admin_address).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}

/// Waits until a service is ready.
pub async fn is_ready_again(running: &Running) {
    let is_ready = async || Request::get("/readyz").send(running.admin_address).await.status == 200;
    eventually(PATIENT, "ready", is_ready).await;
}

/// The URL of a file of SQLite.
pub fn sqlite_url(file: &Path) -> String {
    format!("sqlite://{}", file.display())
}

fn sqlite(file: &Path) -> DatabaseConfig {
    DatabaseConfig::new(sqlite_url(file))
}
