//! ScopedAuthService over HTTP, called as FederatedAuthService calls it: every route, and its errors. Time is a clock
//! that the tests set.

mod admin;
mod assertion;
mod audit;
mod bodies;
mod credentials;
mod database;
mod fingerprint;
mod fingerprint_session;
mod generate;
mod identities;
mod keys;
mod revoke;
mod revoke_command;
mod sessions;
mod succession;
mod validate;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use ring::rand::SystemRandom;
use scoped_auth::Config;
use secrecy::SecretString;
use serde_json::{Value, json};
use service_runtime::{Clock, Running};
use shared_types::{SealedToken, SessionId};
use store::DatabaseConfig;
use tempfile::TempDir;
use test_support::{
    direct::{self, Direct},
    eventually,
    http::{self, Answer, Request},
    services::{self, FEDERATED_AUTH_SECRET as SECRET},
};
use token::{claims::Claims, key_file::KeyFile, key_ring::KeyRing};

const ACCOUNT: &str = "AC00000000000000000000000000000001";
const DEPLOYMENT: &str = "CV00000000000000000000000000000001";
const OPERATOR_SECRET: &str = "what-operators-prove-themselves-with";
const GENERATE: &str = "/v1/ScopedAuthTokens/generate/internal";
const VALIDATE: &str = "/v1/ScopedAuthTokens/validate";
const REVOKE: &str = "/v1/ScopedAuthTokens/revoke";

/// A running ScopedAuthService.
struct Sas {
    running: Running,
    clock: Clock,
    keys_file: PathBuf,
    data: TempDir,
}

impl Sas {
    async fn start() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut Config)) -> Self {
        audit::listen();
        let data = tempfile::tempdir().unwrap();
        let clock = Clock::adjustable();
        let mut config = services::scoped_auth(data.path(), &clock);
        config.rules.resume_window = Duration::from_secs(4 * 3600);
        config.operator_secrets = vec![SecretString::from(OPERATOR_SECRET)];
        change(&mut config);
        let keys_file = config.keys_file.clone();
        let running = services::start_scoped_auth(config).await;
        Self { running, clock, keys_file, data }
    }

    /// A replica with the same keys, store and clock.
    async fn replica(&self) -> Self {
        let data = self.data.path().to_owned();
        let mut replica = Self::with(|config| {
            config.keys_file = data.join("keys.json");
            config.database = DatabaseConfig::new(store_in(&data));
            config.clock = self.clock.clone();
        })
        .await;
        replica.clock = self.clock.clone();
        replica
    }

    /// Sends a request unchanged.
    async fn answers(&self, request: Request) -> Answer {
        request.send(self.running.address()).await
    }

    /// Sends a request with the caller's credential.
    async fn answers_federated_auth(&self, request: Request) -> Answer {
        self.answers(request.bearer(SECRET)).await
    }

    async fn generates(&self, fields: &Value) -> Answer {
        self.answers_federated_auth(Request::post(GENERATE).json(fields)).await
    }

    async fn validates(&self, fields: &Value) -> Answer {
        self.answers_federated_auth(Request::post(VALIDATE).json(fields)).await
    }

    /// Refreshes a token as FederatedAuthService does, in one request: the verdict, with the successor if there is one.
    async fn refresh(&self, token: &str, others: Value) -> Value {
        let answer = self.validates(&refresh_request(token, others)).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.body()
    }

    /// The same from a browser: the verdict and the successor.
    async fn refreshes(&self, token: &str, fingerprint: &str) -> (Value, Option<String>) {
        let verdict = self.refresh(token, json!({"fingerprint": fingerprint})).await;
        let next = verdict["successor"]["token"].as_str().map(str::to_owned);
        assert_eq!(next.is_some(), verdict["authorized"] == true, "{verdict}");
        (verdict, next)
    }

    /// The successor of a valid token.
    async fn successor(&self, token: &str, others: Value) -> String {
        let verdict = self.refresh(token, others).await;
        verdict["successor"]["token"].as_str().unwrap_or_else(|| panic!("{verdict}")).to_owned()
    }

    /// The claims of a token, opened with the current key file.
    fn claims(&self, token: &str) -> Claims {
        let token = SealedToken::new(token.to_owned()).unwrap();
        self.key_ring().open(&token).unwrap()
    }

    fn key_ring(&self) -> KeyRing {
        KeyRing::new(KeyFile::load(&self.keys_file).unwrap(), &SystemRandom::new()).unwrap()
    }

    /// A direct connection to the store.
    async fn store(&self) -> Direct {
        Direct::connect(&store_in(self.data.path())).await
    }

    /// The row of a session, or `None`.
    async fn row(&self, session: SessionId) -> String {
        let row = format!(
            "SELECT generation || ' ' || replaced || ' ' || advanced_at || ' ' || expires_at || ' ' || repeats || ' ' || \
             shown || ' ' || COALESCE(fingerprint, '') || ' ' || COALESCE(first_fingerprint, '') \
             FROM sessions WHERE session_id = '{session}'"
        );
        self.store().await.texts(&format!("SELECT COALESCE(({row}), ''), '', ''")).await.0
    }

    /// A number in the row of a session.
    async fn column(&self, session: SessionId, column: &str) -> i64 {
        let query = format!("SELECT {column} FROM sessions WHERE session_id = '{session}'");
        self.store().await.number(&query).await
    }

    /// Waits until a query of the store returns this number.
    async fn store_has(&self, query: &str, number: i64) {
        let mut store = self.store().await;
        let what = format!("{query}: {number}");
        eventually(Duration::from_secs(30), &what, async || store.number(query).await == number).await;
    }

    /// Waits until the store has marked the session's current token as presented.
    async fn is_shown(&self, session: SessionId) {
        self.store_has(&format!("SELECT shown FROM sessions WHERE session_id = '{session}'"), 1).await;
    }

    /// The metrics of the admin listener.
    async fn metrics(&self) -> String {
        Request::get("/metrics").send(self.running.admin_address).await.text
    }

    /// A token made from these fields.
    async fn token(&self, fields: &Value) -> String {
        self.generates(fields).await.member("token")
    }
}

fn store_in(data: &Path) -> String {
    services::sqlite_url(&data.join("sessions.db"))
}

/// FederatedAuthService's request for a new session; `others` replaces members, `null` omits one.
fn generate_request(others: Value) -> Value {
    let grants = json!([
        {"type": "webchat", "address_sid": "IG00000000000000000000000000000001", "deployment_key": DEPLOYMENT},
        {"type": "chat", "service_sid": "IS00000000000000000000000000000001"},
    ]);
    with(json!({"accountSid": ACCOUNT, "grants": grants, "ttl": 3600, "encrypt": true}), others)
}

/// FederatedAuthService's request for a successor; `others` as in [`generate_request`].
fn refresh_request(token: &str, others: Value) -> Value {
    let successor = json!({"accountSid": ACCOUNT, "deploymentKey": DEPLOYMENT, "ttl": 3600});
    with(json!({"token": token, "successor": successor}), others)
}

fn with(mut fields: Value, others: Value) -> Value {
    for (name, value) in others.as_object().unwrap() {
        if value.is_null() {
            fields.as_object_mut().unwrap().remove(name);
        } else {
            fields[name] = value.clone();
        }
    }
    fields
}
