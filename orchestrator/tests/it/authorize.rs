//! Authorize (contract, section 13) over HTTP, with real services behind it: guests call the public listener, proxies the
//! one for proxies. Every clause is tested as the attack that it answers.

mod answers;
mod assertion;
mod fingerprint;
mod guest_request;
mod limits;
mod page_origin;
mod proofs;
mod recipes;
mod refusals;
mod secret;
mod verification;
mod verify_assertion;

use std::{
    net::SocketAddr,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use conversations::Conversations;
use orchestrator::{Config, authorize::config::AuthorizeConfig};
use ring::digest::{SHA256, digest};
use serde_json::json;
use service_runtime::{Clock, Running};
use store::DatabaseConfig;
use tempfile::TempDir;
use test_support::{
    http::{Answer, Request},
    services,
};

use crate::{
    api::{CREATE, OPEN, REFRESH, accounts, chrome},
    dpop::prover::{Prover, base64url},
};

const PATH: &str = "/v2/Webchat/Authorize";
const ONLY: &str = "/v2/Webchat/Authorize?only=401,403";
const SECRET: &str = "what-the-proxy-proves-itself-with";
const OTHER_SECRET: &str = "what-the-proxy-proved-itself-with";
/// The request of the other service that most tests ask about.
const ORDERS: &str = "https://api.example.com/orders/7?size=40";
const ANSWERS: [&str; 5] = [
    "x-webchat-identity",
    "x-webchat-session",
    "x-webchat-conversation",
    "x-webchat-deployment",
    "x-webchat-assertion",
];

/// The three services.
struct Stack {
    running: Running,
    federated_auth: Mutex<Option<Running>>,
    clock: Clock,
    data: TempDir,
    _scoped_auth: Running,
}

impl Stack {
    async fn start() -> Self {
        Self::with(&accounts(), |_| {}).await
    }

    async fn with(accounts: &str, change: impl FnOnce(&mut Config)) -> Self {
        let (data, clock) = (tempfile::tempdir().unwrap(), Clock::adjustable());
        let scoped_auth = services::start_scoped_auth(services::scoped_auth(data.path(), &clock)).await;
        let federated_auth =
            services::start_federated_auth(services::federated_auth(scoped_auth.address(), &clock));
        let mut config = services::orchestrator(data.path(), federated_auth.address(), &clock);
        config.authorize = Some(AuthorizeConfig {
            listen: "127.0.0.1:0".parse().unwrap(),
            secrets: [SECRET, OTHER_SECRET].map(Into::into).to_vec(),
        });
        change(&mut config);
        std::fs::write(&config.accounts_file, accounts).unwrap();
        let running = services::start_orchestrator(config).await;
        let federated_auth = Mutex::new(Some(federated_auth));
        Self { running, federated_auth, clock, data, _scoped_auth: scoped_auth }
    }

    /// The listener for proxies.
    fn proxies(&self) -> SocketAddr {
        self.running.additional_addresses()[0]
    }

    async fn asks(&self, request: Request) -> Answer {
        request.send(self.proxies()).await
    }

    /// A guest whose session is bound to no key.
    async fn guest(&self, deployment: &'static str) -> Guest<'_> {
        self.begins(deployment, None).await
    }

    /// A guest whose session is bound to a key.
    async fn guest_with_key(&self, deployment: &'static str) -> Guest<'_> {
        self.begins(deployment, Some(Prover::new())).await
    }

    async fn begins(&self, deployment: &'static str, prover: Option<Prover>) -> Guest<'_> {
        let mut guest =
            Guest { stack: self, deployment, token: String::new(), identity: String::new(), prover };
        let create = chrome(Request::post(CREATE)).json(&json!({ "deploymentKey": deployment }));
        let create = match guest.prover.take() {
            Some(prover) => {
                let prover = prover.with("ath", serde_json::Value::Null);
                guest.prover = Some(prover);
                let proof = guest.proof("POST", &format!("http://service{CREATE}"));
                create.header("dpop", proof)
            }
            None => create,
        };
        let created = create.send(self.running.address()).await;
        (guest.token, guest.identity) = (created.member("token"), created.member("identity"));
        guest
    }

    async fn federated_auth_stops(&self) {
        let running = self.federated_auth.lock().unwrap().take();
        running.unwrap().stop().await;
    }

    /// Ends the guest's session.
    async fn ends_session_of(&self, guest: &Guest<'_>) {
        let fields = json!({ "deploymentKey": guest.deployment, "token": guest.token });
        let revoke = chrome(Request::post("/v2/Webchat/Token/Revoke")).json(&fields);
        let proof = guest.proof("POST", "http://service/v2/Webchat/Token/Revoke");
        let revoked = revoke.header("dpop", proof).send(self.running.address()).await;
        assert_eq!(revoked.status, 200, "{}", revoked.text);
    }

    /// The orchestrator's store, opened a second time.
    async fn store(&self) -> Conversations {
        let file = self.data.path().join("conversations.db");
        Conversations::open(&DatabaseConfig::new(services::sqlite_url(&file))).await.unwrap()
    }
}

/// A guest of a deployment.
struct Guest<'s> {
    stack: &'s Stack,
    deployment: &'static str,
    token: String,
    identity: String,
    prover: Option<Prover>,
}

impl Guest<'_> {
    /// Adds the token, and the headers of the guest's browser with the widget.
    fn sends(&self, request: Request) -> Request {
        chrome(request).bearer(&self.token)
    }

    /// The same with a new proof for this method and URL.
    fn proves(&self, request: Request, method: &str, url: &str) -> Request {
        self.sends(request).header("dpop", self.proof(method, url))
    }

    /// A proof by the session's key for this method and URL, used once.
    fn proof(&self, method: &str, url: &str) -> String {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let jti = format!("proof-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let prover = self.prover.as_ref().unwrap();
        let mut payload = prover.payload.clone();
        payload["jti"] = jti.into();
        payload["htm"] = method.into();
        payload["htu"] = url.split('?').next().into();
        payload["iat"] = self.stack.clock.now().timestamp().into();
        if !self.token.is_empty() {
            payload["ath"] = base64url(digest(&SHA256, self.token.as_bytes())).into();
        }
        prover.sign(&prover.header.to_string(), &payload.to_string())
    }

    async fn opens(&self) -> String {
        let open = match &self.prover {
            Some(_) => self.proves(Request::post(OPEN), "POST", &format!("http://service{OPEN}")),
            None => self.sends(Request::post(OPEN)),
        };
        let open = open.json(&json!({}));
        open.send(self.stack.running.address()).await.member("conversation_sid")
    }

    async fn refreshes(&mut self) {
        let fields = json!({ "deploymentKey": self.deployment, "token": self.token });
        let refresh = chrome(Request::post(REFRESH)).json(&fields);
        self.token = refresh.send(self.stack.running.address()).await.member("token");
    }
}

/// Asks as nginx, for a guest's request.
fn nginx(method: &str, url: &str) -> Request {
    proxy(Request::get(ONLY)).header("x-original-method", method).header("x-original-url", url)
}

/// Asks as Traefik, for a guest's request.
fn traefik(method: &str, url: &str) -> Request {
    let (proto, rest) = url.split_once("://").unwrap();
    let (host, path) = rest.split_once('/').unwrap();
    proxy(Request::get(PATH))
        .header("x-forwarded-method", method)
        .header("x-forwarded-proto", proto)
        .header("x-forwarded-host", host)
        .header("x-forwarded-uri", format!("/{path}"))
}

/// Asks as Envoy, for a guest's request to `https://service`, which is the host that the tests' client sends.
fn envoy(method: &str, path: &str) -> Request {
    proxy(Request::new(method, &format!("{PATH}{path}")))
}

fn proxy(request: Request) -> Request {
    request.header("x-webchat-proxy-secret", SECRET)
}

/// Removes the widget's headers: a page's own requests lack them.
fn without_widget(request: Request) -> Request {
    request.without("x-twilio-sec-usersettings").without("x-twilio-sec-webchatinfo")
}

/// Asserts that the request may pass, with all headers.
#[track_caller]
fn is_let_through(answer: &Answer) {
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.text, "{}");
    assert_eq!(answer.header("cache-control"), "no-store");
    for name in ANSWERS {
        assert!(!answer.header(name).is_empty(), "{name}");
    }
    assert_eq!(answer.header("x-webchat-code"), "");
}

/// Asserts that the request is refused with this code, and describes no guest.
#[track_caller]
fn is_refused(answer: &Answer, status: u16, code: &str) {
    assert_eq!((answer.status, answer.code().as_str()), (status, code), "{}", answer.text);
    assert_eq!(answer.header("x-webchat-code"), code);
    assert_eq!(answer.members(), ["valid", "code", "message"]);
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(!answer.header("www-authenticate").is_empty(), status == 401);
    for name in ANSWERS {
        assert_eq!(answer.header(name), "", "{name}");
    }
}
