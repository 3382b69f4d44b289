//! FlexWebchatOrchestratorService over HTTP, called as a browser calls it, with the real FederatedAuthService and
//! ScopedAuthService behind it, or a scripted peer for failures.

mod admin;
mod admission;
mod assertion;
mod bearer;
mod bodies;
mod conversation;
mod cors;
mod database;
mod every_answer;
mod fingerprint;
mod fingerprint_key;
mod flex_configuration;
mod hostile;
mod init;
mod origins;
mod proxies;
mod revoke;
mod shadow;
mod sizes;
mod tokens;
mod unread;
mod upstream;
mod user_agents;
mod waiting;

use std::net::SocketAddr;

use orchestrator::Config;
use serde_json::{Value, json};
use service_runtime::{Clock, Running};
use tempfile::TempDir;
use test_support::{
    http::{self, Answer, Request},
    scripted_peer,
    services::{self, ISSUER, ORCHESTRATOR_SECRET, PATIENT, credential},
};

pub(crate) const CREATE: &str = "/v2/Webchat/Token";
pub(crate) const REFRESH: &str = "/v2/Webchat/Token/Refresh";
pub(crate) const REVOKE: &str = "/v2/Webchat/Token/Revoke";
const ASSERTION: &str = "/v2/Webchat/Token/Assertion";
const INIT: &str = "/v2/Webchat/Init";
pub(crate) const OPEN: &str = "/v2/WebChannels";

/// Deployments of the account with the feature on, and of the account with it off; the accounts are `AC…01` and
/// `AC…02`.
pub(crate) const ON: &str = "CV00000000000000000000000000000001";
pub(crate) const ON_LISTED: &str = "CV00000000000000000000000000000011";
pub(crate) const ON_DISABLED: &str = "CV00000000000000000000000000000021";
pub(crate) const OFF: &str = "CV00000000000000000000000000000002";
const OFF_LISTED: &str = "CV00000000000000000000000000000012";
const OFF_DISABLED: &str = "CV00000000000000000000000000000022";

/// The operator's credential at ScopedAuthService.
const OPERATOR_SECRET: &str = "what-the-operator-proves-itself-with";

/// The audience of assertions.
pub(crate) const AUDIENCE: &str = "https://api.example.com";

/// An allowed origin, and the lists of allowed origins.
pub(crate) const SHOP: &str = "https://shop.example.com";
const LIST: &str = "https://shop.example.com, https://*.example.org";

/// The text of `accounts.toml`.
pub(crate) fn accounts() -> String {
    let account = |number: u8, security: bool| {
        let deployment = |key: u8, origins: &str, enabled: bool| {
            format!(
                "[[account.deployment]]\nkey = \"CV{key:032}\"\naddress_sid = \"IG{number:032}\"\n\
                 allowed_origins = [{origins}]\nenabled = {enabled}\n"
            )
        };
        let listed = r#""https://shop.example.com", "https://*.example.org""#;
        format!(
            "[[account]]\nsid = \"AC{number:032}\"\nwebchat_security = {security}\n\
             conversations_service_sid = \"IS{number:032}\"\nassertion_audiences = [\"{AUDIENCE}\", \"{ISSUER}\"]\n{}{}{}",
            deployment(number, "", true),
            deployment(10 + number, listed, true),
            deployment(20 + number, listed, false),
        )
    };
    account(1, true) + &account(2, false)
}

/// FlexWebchatOrchestratorService, running, with FederatedAuthService at `address`.
async fn orchestrator(data: &TempDir, address: SocketAddr, change: impl FnOnce(&mut Config)) -> Running {
    let mut config = services::orchestrator(data.path(), address, &Clock::adjustable());
    change(&mut config);
    if !config.accounts_file.exists() {
        std::fs::write(&config.accounts_file, accounts()).unwrap();
    }
    services::start_orchestrator(config).await
}

/// FlexWebchatOrchestratorService with working services behind it.
struct Fwo {
    running: Running,
    federated_auth: Running,
    scoped_auth: Running,
    clock: Clock,
    _data: TempDir,
}

impl Fwo {
    async fn start() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let (data, clock) = (tempfile::tempdir().unwrap(), Clock::adjustable());
        let mut config = services::scoped_auth(data.path(), &clock);
        config.operator_secrets = vec![OPERATOR_SECRET.into()];
        let scoped_auth = services::start_scoped_auth(config).await;
        let federated_auth =
            services::start_federated_auth(services::federated_auth(scoped_auth.address(), &clock));
        let with_clock = |config: &mut Config| {
            config.clock = clock.clone();
            change(config);
        };
        let running = orchestrator(&data, federated_auth.address(), with_clock).await;
        Self { running, federated_auth, scoped_auth, clock, _data: data }
    }

    async fn answers(&self, request: Request) -> Answer {
        request.send(self.running.address()).await
    }

    async fn creates_token(&self, deployment_key: &str) -> Answer {
        self.answers(chrome(Request::post(CREATE)).json(&json!({"deploymentKey": deployment_key}))).await
    }

    async fn refreshes_token(&self, deployment_key: &str, token: &str) -> Answer {
        let fields = json!({"deploymentKey": deployment_key, "token": token});
        self.answers(chrome(Request::post(REFRESH)).json(&fields)).await
    }

    /// A token of this deployment.
    async fn token(&self, deployment_key: &str) -> String {
        self.creates_token(deployment_key).await.member("token")
    }

    async fn opens_conversation(&self, token: &str) -> Answer {
        self.answers(chrome(Request::post(OPEN)).bearer(token).json(&json!({}))).await
    }

    async fn reads(&self, token: &str, conversation_sid: &str, query: &str) -> Answer {
        self.answers(chrome(Request::get(&(messages(conversation_sid) + query))).bearer(token)).await
    }

    async fn says(&self, token: &str, conversation_sid: &str, fields: &Value) -> Answer {
        self.answers(chrome(Request::post(&messages(conversation_sid))).bearer(token).json(fields)).await
    }
}

/// The path of a conversation's messages.
fn messages(conversation_sid: &str) -> String {
    format!("{OPEN}/{conversation_sid}/Messages")
}

/// The headers of Chrome with the released widget on a page of the shop.
pub(crate) fn chrome(request: Request) -> Request {
    let agent = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/146.0.0.0 \
                 Safari/537.36";
    request
        .header("user-agent", agent)
        .header("accept-language", "en-US,en;q=0.9")
        .header("origin", SHOP)
        .header(
            "x-twilio-sec-usersettings",
            r#"{"language":"en-US","cookieEnabled":true,"userTimezone":-60}"#,
        )
        .header("x-twilio-sec-webchatinfo", r#"{"loginTimestamp":"1795197600000"}"#)
}

/// The headers of another browser on another system, on the same page.
pub(crate) fn firefox(request: Request) -> Request {
    let agent = "Mozilla/5.0 (X11; Linux x86_64; rv:148.0) Gecko/20100101 Firefox/148.0";
    chrome(request).without("user-agent").header("user-agent", agent)
}

/// Asserts that the response is the contract's error of this row, and that a page on `allow_origin` may read it.
#[track_caller]
fn is_refused(answer: &Answer, status: u16, code: &str, allow_origin: &str) {
    answer.is_refusal(status, code);
    assert_eq!(answer.header("access-control-allow-origin"), allow_origin);
    assert_eq!(answer.header("vary"), "Origin");
}
