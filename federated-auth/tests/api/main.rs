//! FederatedAuthService over HTTP, called as FlexWebchatOrchestratorService calls it, with a real ScopedAuthService as
//! upstream, or a scripted peer for failures.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that panics has failed, as it should"
)]

mod admin;
mod credentials;
mod fingerprint;
#[path = "../../../service-runtime/tests/support/http.rs"]
mod http;
#[path = "../../../service-runtime/tests/support/scripted_peer.rs"]
mod scripted_peer;
mod tokens;
mod upstream;
mod verdicts;

use std::{net::SocketAddr, time::Duration};

use federated_auth::Config;
use http::{Answer, Request};
use scoped_auth::{config::MissingKeys, sessions::Rules};
use secrecy::SecretString;
use serde_json::{Value, json};
use service_runtime::{
    Clock, Listeners, Running, ServiceCredential, database::DatabaseConfig, random::Random,
};
use tempfile::TempDir;

const ACCOUNT: &str = "AC00000000000000000000000000000001";
const OTHER_ACCOUNT: &str = "AC00000000000000000000000000000002";
const DEPLOYMENT: &str = "CV00000000000000000000000000000001";
const ORCHESTRATOR_SECRET: &str = "what-orchestrator-proves-itself-with";
const FEDERATED_AUTH_SECRET: &str = "what-federated-auth-proves-itself-with";
const TTL: u32 = 3600;

/// A running ScopedAuthService.
async fn scoped_auth(data: &TempDir, clock: &Clock, listeners: Listeners) -> Running {
    let config = scoped_auth::Config {
        workers: 1,
        drain: std::time::Duration::ZERO,
        tls: None,
        federated_auth_secrets: vec![SecretString::from(FEDERATED_AUTH_SECRET)],
        keys_file: data.path().join("keys.json"),
        missing_keys: MissingKeys::AreMade,
        database: DatabaseConfig::new(format!("sqlite://{}", data.path().join("sessions.db").display())),
        rules: Rules {
            session_max: Duration::from_secs(24 * 3600),
            grace: Duration::from_secs(60),
            resume_window: Duration::from_secs(24 * 3600),
            staleness: Duration::from_secs(30),
            revocation_retention: Duration::from_secs(30 * 24 * 3600),
        },
        revocation_poll: Duration::from_millis(500),
        operator_secrets: Vec::new(),
        clock: clock.clone(),
        spans: service_runtime::spans::SpanConfig::OFF,
        random: Random::default(),
    };
    scoped_auth::start(config, listeners).await.unwrap()
}

/// A running FederatedAuthService, with ScopedAuthService at `address`.
fn federated_auth(address: SocketAddr, change: impl FnOnce(&mut Config)) -> Running {
    let secret = ServiceCredential::new(&SecretString::from(FEDERATED_AUTH_SECRET)).unwrap();
    let mut config = Config {
        workers: 1,
        drain: std::time::Duration::ZERO,
        tls: None,
        orchestrator_secrets: vec![SecretString::from(ORCHESTRATOR_SECRET)],
        scoped_auth: Config::scoped_auth(format!("http://{address}"), secret, Duration::from_secs(10)),
        token_ttl_seconds: TTL,
        clock: Clock::adjustable(),
        spans: service_runtime::spans::SpanConfig::OFF,
        random: Random::default(),
    };
    change(&mut config);
    federated_auth::start(config, Listeners::loopback().unwrap()).unwrap()
}

/// FederatedAuthService with a working ScopedAuthService.
struct Fas {
    running: Running,
    scoped_auth: Running,
    clock: Clock,
    data: TempDir,
}

impl Fas {
    async fn start() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let (data, clock) = (tempfile::tempdir().unwrap(), Clock::adjustable());
        let scoped_auth = scoped_auth(&data, &clock, Listeners::loopback().unwrap()).await;
        let running = federated_auth(scoped_auth.address(), change);
        Self { running, scoped_auth, clock, data }
    }

    /// Sends a request unchanged.
    async fn answers(&self, request: Request) -> Answer {
        request.send(self.running.address()).await
    }

    /// Sends a request with the caller's credential.
    async fn answers_orchestrator(&self, request: Request) -> Answer {
        self.answers(request.bearer(ORCHESTRATOR_SECRET)).await
    }

    /// Sends `POST …/Tokens` with this suffix.
    async fn posts(&self, account: &str, route: &str, fields: &Value) -> Answer {
        let path = format!("/v1/Accounts/{account}/Tokens{route}");
        self.answers_orchestrator(Request::post(&path).json(fields)).await
    }

    async fn creates_token(&self, account: &str) -> Answer {
        self.posts(account, "", &deployment()).await
    }

    async fn refreshes_token(&self, account: &str, token: &str) -> Answer {
        self.posts(account, "/refresh", &refreshing(&json!({"token": token}))).await
    }

    async fn validates_token(&self, account: &str, token: &str) -> Answer {
        self.posts(account, "/validate", &json!({"token": token})).await
    }
}

/// The same fields for a refresh, which also names the deployment.
fn refreshing(fields: &Value) -> Value {
    let mut fields = fields.clone();
    fields["deployment_key"] = DEPLOYMENT.into();
    fields
}

/// The deployment, as FlexWebchatOrchestratorService sends it.
fn deployment() -> Value {
    json!({
        "deployment_key": DEPLOYMENT,
        "address_sid": "IG00000000000000000000000000000001",
        "conversations_service_sid": "IS00000000000000000000000000000001",
    })
}
