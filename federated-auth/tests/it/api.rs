//! FederatedAuthService over HTTP, called as FlexWebchatOrchestratorService calls it, with a real ScopedAuthService as
//! upstream, or a scripted peer for failures.

mod admin;
mod credentials;
mod fingerprint;
mod tokens;
mod upstream;
mod verdicts;

use std::net::SocketAddr;

use federated_auth::Config;
use serde_json::{Value, json};
use service_runtime::{Clock, Running};
use tempfile::TempDir;
use test_support::{
    http::{self, Answer, Request},
    scripted_peer,
    services::{self, FEDERATED_AUTH_SECRET, ORCHESTRATOR_SECRET},
};

const ACCOUNT: &str = "AC00000000000000000000000000000001";
const OTHER_ACCOUNT: &str = "AC00000000000000000000000000000002";
const DEPLOYMENT: &str = "CV00000000000000000000000000000001";
const TTL: u32 = 3600;

/// FederatedAuthService, running, with ScopedAuthService at `address`.
fn federated_auth(address: SocketAddr, change: impl FnOnce(&mut Config)) -> Running {
    let mut config = services::federated_auth(address, &Clock::adjustable());
    config.token_ttl_seconds = TTL;
    change(&mut config);
    services::start_federated_auth(config)
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
        let scoped_auth = services::start_scoped_auth(services::scoped_auth(data.path(), &clock)).await;
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
