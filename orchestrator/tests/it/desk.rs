//! The desk's API over HTTP (contract, section 11), with real services behind it: guests call the public listener, desks
//! the desk's own.

mod attributes;
mod budgets;
mod conversation;
mod credentials;
mod documentation;
mod erasure;
mod idempotency;
mod pages;
mod requests;
mod resources;
mod twilio;

use std::{net::SocketAddr, path::PathBuf};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use conversations::{Conversations, NewConversation, NewMessage};
use orchestrator::{Config, accounts::SecretDigest};
use serde_json::{Value, json};
use service_runtime::{Clock, Running};
use shared_types::{
    AccountSid, AddressSid, ConversationSid, DeploymentKey, Identity, MessageSid, SessionId,
    scoped_auth::generate::EarlierSession,
};
use store::DatabaseConfig;
use tempfile::TempDir;
use test_support::{
    http::{Answer, Request},
    services,
};

pub(crate) const ACCOUNT: AccountSid = AccountSid::from_bits(1);
const SERVICE: &str = "IS00000000000000000000000000000001";
pub(crate) const DEPLOYMENT: &str = "CV00000000000000000000000000000001";
const CONVERSATIONS: &str = "/v1/Conversations";

/// An API key: its sid and secret.
pub(crate) type Key = (&'static str, &'static str);

/// Keys of the first account: with all scopes, with one scope each, and one with 3 calls a minute.
pub(crate) const KEY: Key = ("SK00000000000000000000000000000001", "secret-of-all");
const READER: Key = ("SK00000000000000000000000000000002", "secret-of-the-reader");
const WRITER: Key = ("SK00000000000000000000000000000003", "secret-of-the-writer");
const ERASER: Key = ("SK00000000000000000000000000000004", "secret-of-the-eraser");
const SLOW: Key = ("SK00000000000000000000000000000005", "secret-of-the-slow");
/// The key of the second account.
const OTHER: Key = ("SK00000000000000000000000000000006", "secret-of-the-other");

/// The text of `accounts.toml`.
pub(crate) fn accounts() -> String {
    let api_key = |(sid, secret): Key, rest: &str| {
        let digest = SecretDigest::of(secret.as_bytes()).to_hex();
        format!("[[account.api_key]]\nsid = \"{sid}\"\nsecret_sha256 = \"{digest}\"\n{rest}\n")
    };
    let unlimited = |scopes: &str| format!("scope = [{scopes}]\ncalls_per_minute = 1000000");
    let account = |number: u8| {
        format!(
            "[[account]]\nsid = \"AC{number:032}\"\nwebchat_security = false\n\
             conversations_service_sid = \"IS{number:032}\"\n\
             [[account.deployment]]\nkey = \"CV{number:032}\"\naddress_sid = \"IG{number:032}\"\n\
             rate_limits = {{ visitor_creates_per_minute = 100000, visitor_calls_per_minute = 100000, \
             visitor_messages_per_minute = 100000, visitor_messages_burst = 100000, creates_per_minute = 100000 }}\n"
        )
    };
    [
        account(1),
        api_key(KEY, &unlimited(r#""read", "write", "erase""#)),
        api_key(READER, &unlimited(r#""read""#)),
        api_key(WRITER, &unlimited(r#""write""#)),
        api_key(ERASER, &unlimited(r#""erase""#)),
        api_key(SLOW, "calls_per_minute = 3"),
        account(2),
        api_key(OTHER, &unlimited(r#""read", "write", "erase""#)),
    ]
    .concat()
}

/// The three services.
pub(crate) struct Stack {
    pub(crate) running: Running,
    pub(crate) clock: Clock,
    pub(crate) data: TempDir,
    _behind: [Running; 2],
}

impl Stack {
    async fn start() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut Config)) -> Self {
        Self::with_accounts(&accounts(), change).await
    }

    pub(crate) async fn with_accounts(accounts: &str, change: impl FnOnce(&mut Config)) -> Self {
        let (data, clock) = (tempfile::tempdir().unwrap(), Clock::adjustable());
        let scoped_auth = services::start_scoped_auth(services::scoped_auth(data.path(), &clock)).await;
        let federated_auth =
            services::start_federated_auth(services::federated_auth(scoped_auth.address(), &clock));
        let mut config = services::orchestrator(data.path(), federated_auth.address(), &clock);
        config.desk_listen = Some("127.0.0.1:0".parse().unwrap());
        change(&mut config);
        std::fs::write(&config.accounts_file, accounts).unwrap();
        let running = services::start_orchestrator(config).await;
        Self { running, clock, data, _behind: [federated_auth, scoped_auth] }
    }

    /// The desk's listener.
    pub(crate) fn desk(&self) -> SocketAddr {
        self.running.additional_addresses()[0]
    }

    /// Sends a request to the desk's listener as it is.
    async fn sends(&self, request: Request) -> Answer {
        request.send(self.desk()).await
    }

    pub(crate) async fn desk_gets(&self, path: &str) -> Answer {
        self.sends(with_key(Request::get(path), KEY)).await
    }

    pub(crate) async fn desk_posts(&self, path: &str, parameters: &[(&str, &str)]) -> Answer {
        self.sends(with_key(Request::post(path), KEY).form(&form(parameters))).await
    }

    pub(crate) async fn desk_deletes(&self, path: &str) -> Answer {
        self.sends(with_key(Request::new("DELETE", path), KEY)).await
    }

    /// A guest of the first account in a conversation: Ada, with a form.
    pub(crate) async fn guest(&self) -> Guest<'_> {
        self.guest_of(DEPLOYMENT).await
    }

    pub(crate) async fn guest_of(&self, deployment: &str) -> Guest<'_> {
        let create = Request::post("/v2/Webchat/Token").json(&json!({ "deploymentKey": deployment }));
        let created = create.send(self.public()).await;
        let (token, identity) = (created.member("token"), created.member("identity"));
        let mut guest = Guest { stack: self, token, identity, conversation: String::new() };
        guest.conversation = guest.opens().await.member("conversation_sid");
        guest
    }

    pub(crate) fn public(&self) -> SocketAddr {
        self.running.address()
    }

    /// The orchestrator's store, opened a second time: for what would take long over HTTP.
    pub(crate) async fn store(&self) -> Conversations {
        let file = self.data.path().join("conversations.db");
        Conversations::open(&DatabaseConfig::new(services::sqlite_url(&file))).await.unwrap()
    }
}

/// A guest in a conversation.
pub(crate) struct Guest<'s> {
    stack: &'s Stack,
    pub(crate) token: String,
    pub(crate) identity: String,
    pub(crate) conversation: String,
}

impl Guest<'_> {
    pub(crate) async fn calls(&self, request: Request) -> Answer {
        request.bearer(&self.token).send(self.stack.public()).await
    }

    async fn opens(&self) -> Answer {
        let fields = json!({ "customerFriendlyName": "Ada", "preEngagementData": { "size": "40" } });
        self.calls(Request::post("/v2/WebChannels").json(&fields)).await
    }

    pub(crate) async fn says(&self, body: &str) -> Answer {
        let path = format!("/v2/WebChannels/{}/Messages", self.conversation);
        self.calls(Request::post(&path).json(&json!({ "body": body }))).await
    }

    /// Ends the session.
    pub(crate) async fn ends(&self) -> Answer {
        let fields = json!({ "deploymentKey": DEPLOYMENT, "token": self.token });
        self.calls(Request::post("/v2/Webchat/Token/Revoke").json(&fields)).await
    }

    async fn reads(&self) -> Answer {
        self.calls(Request::get(&format!("/v2/WebChannels/{}/Messages", self.conversation))).await
    }

    /// The path of the conversation at the desk.
    pub(crate) fn path(&self) -> String {
        format!("{CONVERSATIONS}/{}", self.conversation)
    }

    /// The path of its messages at the desk.
    pub(crate) fn messages(&self) -> String {
        format!("{}/Messages", self.path())
    }
}

/// Adds Basic authentication.
fn with_key(request: Request, (sid, secret): (&str, &str)) -> Request {
    request.header("authorization", format!("Basic {}", STANDARD.encode(format!("{sid}:{secret}"))))
}

/// Parameters, form-encoded.
pub(crate) fn form(parameters: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish()
}

/// Asserts that the answer is the desk's error of this row, in body and headers, and returns its message.
#[track_caller]
fn is_error(answer: &Answer, status: u16, code: u32) -> String {
    let body = answer.body();
    assert_eq!(
        (answer.status, &body["code"], &body["status"]),
        (status, &json!(code), &json!(status)),
        "{body}"
    );
    assert_eq!(answer.members(), ["code", "message", "more_info", "status"]);
    assert_eq!(body["more_info"], format!("https://www.twilio.com/docs/errors/{code}"));
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("cache-control"), "no-store");
    let carries = |name: &str| !answer.header(name).is_empty();
    assert_eq!(carries("www-authenticate"), status == 401, "WWW-Authenticate");
    assert_eq!(carries("retry-after"), matches!(status, 429 | 503), "Retry-After");
    assert_eq!(carries("allow"), status == 405, "Allow");
    let message = answer.member("message");
    assert!(message.ends_with('.'), "a sentence for people: {message}");
    message
}

/// The items of a list.
#[track_caller]
fn items(answer: &Answer) -> Vec<Value> {
    let body = answer.body();
    let key = body["meta"]["key"].as_str().unwrap_or_else(|| panic!("no page: {body}"));
    body[key].as_array().unwrap().clone()
}

/// Path and query of an absolute URL of the desk's listener.
#[track_caller]
fn path_of(stack: &Stack, url: &Value) -> String {
    let url = url.as_str().unwrap();
    // The tests' client sends `Host: service`.
    let path =
        url.strip_prefix("http://service").unwrap_or_else(|| panic!("{} not absolute: {url}", stack.desk()));
    path.to_owned()
}

/// Opens a conversation of the first account through the store. `number` makes its ids.
pub(crate) async fn opened(
    store: &Conversations,
    number: u128,
    identity: Identity,
    form: Option<String>,
    clock: &Clock,
) {
    let new = NewConversation {
        account_sid: ACCOUNT,
        deployment_key: DeploymentKey::from_bits(1),
        address_sid: AddressSid::from_bits(1),
        session: EarlierSession { sid: SessionId::from_random(number.to_be_bytes()), auth_time: clock.now() },
        jkt: None,
        identity,
        customer_friendly_name: None,
        pre_engagement_data: form,
        conversation_sid: ConversationSid::from_bits(number),
        question: None,
        welcome: (MessageSid::from_bits(number << 64), "Welcome!"),
        now: clock.now(),
    };
    store.open_conversation(new).await.unwrap();
}

/// Appends messages of the desk to a conversation through the store.
async fn written(
    store: &Conversations,
    conversation: ConversationSid,
    bodies: impl Iterator<Item = String>,
    clock: &Clock,
) {
    for (number, body) in bodies.enumerate() {
        let sid = MessageSid::from_bits(conversation.to_bits() << 64 | (number as u128 + 1));
        let new =
            NewMessage { sid, author: "Desk", body: &body, attributes: None, key: None, now: clock.now() };
        store.append_of_desk(ACCOUNT, conversation, new).await.unwrap().unwrap();
    }
}

/// Python with the modules of `tests/requirements.txt`.
#[expect(clippy::disallowed_methods, reason = "a test reads no settings through config.rs")]
pub(crate) fn python() -> PathBuf {
    let installed = concat!(env!("CARGO_MANIFEST_DIR"), "/../.venv/bin/python");
    std::env::var("WEBCHAT_TEST_PYTHON").unwrap_or_else(|_| installed.to_owned()).into()
}
