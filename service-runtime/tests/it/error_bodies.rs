//! Errors over HTTP: their body and challenge are the access policy's, wherever the request is rejected.

use std::time::Duration;

use actix_web::http::header::HeaderMap;
use secrecy::SecretString;
use serde_json::json;
use service_runtime::{
    Clock, Listeners, RequestContext, Running, ServiceClient, ServiceCredential,
    client::PeerConfig,
    random::Random,
    telemetry::{JsonLines, LogWriter},
};
use shared_types::{AccountSid, Code, Endpoint, federated_auth::AccountPath};
use test_support::{
    http::{Answer, Request},
    smallest_service::{Gate, Wait, service_on},
};
use tracing_subscriber::{layer::SubscriberExt, registry};

use crate::{
    log::written::{Written, parsed},
    strict::{API_KEY, Fields, Read, SECRET, listener, path, request},
};

fn start(requests_per_worker: usize) -> (Running, Gate) {
    let gate = Gate::closed();
    let service = service_on(gate.clone(), Duration::ZERO, listener(requests_per_worker));
    (service.start(Listeners::loopback().unwrap()).unwrap(), gate)
}

#[track_caller]
fn is_error(answer: &Answer, code: Code, message: &str) {
    assert_eq!(answer.status, code.status(), "{}", answer.text);
    assert_eq!(answer.body(), json!({ "error": code.as_str(), "text": message }));
    assert_eq!(answer.header("content-type"), "application/json");
    let challenge = if answer.status == 401 { r#"Basic realm="keys""# } else { "" };
    assert_eq!(answer.header("www-authenticate"), challenge);
}

#[tokio::test]
async fn the_access_policy_formats_every_error() {
    let (running, _) = start(usize::MAX);
    let (address, path) = (running.address(), path());
    let json = |method, body: &str| request(method, &path).body("application/json", body);
    let default = |code: Code| (code, code.sentence());
    for (request, (code, message)) in [
        (Request::get(&path), default(Code::InvalidApiKey)),
        (Request::get("/nothing"), default(Code::InvalidApiKey)),
        (Request::get(&path).bearer("another"), (Code::Forbidden, "Not with this key.")),
        (request("DELETE", &format!("{path}?Reason=closed")), default(Code::ConversationClosed)),
        (request("GET", "/nothing"), default(Code::NotFound)),
        (request("GET", "/v1/Accounts/AC1"), default(Code::NotFound)),
        (request("PUT", &path), default(Code::MethodNotAllowed)),
        (json("POST", "["), (Code::InvalidRequest, "The body must be a JSON object.")),
        (
            request("POST", &path).body("text/plain", "x"),
            (
                Code::UnsupportedMediaType,
                "The body must be application/json or application/x-www-form-urlencoded.",
            ),
        ),
        (json("POST", &" ".repeat(17_000)), (Code::PayloadTooLarge, "The body is larger than 16 KiB.")),
    ] {
        is_error(&request.send(address).await, code, message);
    }
    let other_method = request("PUT", &path).send(address).await;
    assert_eq!(other_method.header("allow"), "GET, HEAD, POST, DELETE");
}

#[tokio::test]
async fn the_access_policy_formats_the_error_of_shed_requests() {
    let (running, gate) = start(1);
    let address = running.address();
    let in_flight = tokio::spawn(async move { request("POST", Wait::PATH).send(address).await });
    gate.arrived(1).await;
    let shed = request("GET", &path()).send(address).await;
    is_error(&shed, Code::UpstreamUnavailable, "The service is busy; please try again.");
    gate.release(1);
    assert_eq!(in_flight.await.unwrap().status, 200);
}

#[tokio::test]
async fn unknown_parameters_are_named_and_empty_forms_are_accepted() {
    let (running, _) = start(usize::MAX);
    let (address, path) = (running.address(), path());
    let query = format!("{path}?Reason=r&Nope=hunter2");
    for request in [
        request("GET", &query),
        request("DELETE", &query),
        request("POST", &path).form("Reason=r&Nope=hunter2"),
        request("POST", &path).json(&json!({ "Reason": "r", "Nope": "hunter2" })),
    ] {
        is_error(&request.send(address).await, Code::InvalidRequest, "`Nope` is not supported.");
    }
    for (method, status) in [("GET", 200), ("POST", 200), ("DELETE", 204)] {
        assert_eq!(request(method, &path).form("").send(address).await.status, status, "{method}");
    }
}

#[tokio::test]
async fn the_access_log_has_the_api_key() {
    // An in-process request is served, and logged, on the caller's thread.
    let (running, _) = start(usize::MAX);
    let written = Written::default();
    let log_writer = LogWriter::new(written.clone());
    let guard = tracing::subscriber::set_default(registry().with(JsonLines::new(log_writer.clone())));
    for secret in [SECRET, "another-secret-altogether"] {
        let config = PeerConfig {
            name: "SmallestService",
            base_url: String::new(),
            credential: ServiceCredential::new(&SecretString::from(secret)),
            timeout: Duration::from_secs(10),
            tls: None,
            in_process: Some(running.in_process.clone()),
        };
        let headers = HeaderMap::new();
        let call = RequestContext::new(&headers, None, &Clock::system(), &Random::default());
        let client = ServiceClient::new(&config, Default::default());
        let _ = client
            .call::<Read>(&call, &AccountPath { account_sid: AccountSid::from_bits(1) }, &Fields::default())
            .await;
    }
    drop(guard);
    log_writer.close();
    let lines = parsed(&written.take()).into_iter().filter(|line| line["target"] == "access");
    let api_keys: Vec<_> = lines.map(|line| (line["status"].clone(), line["api_key"].clone())).collect();
    assert_eq!(api_keys, [(200.into(), API_KEY.to_string().into()), (403.into(), serde_json::Value::Null)]);
}
