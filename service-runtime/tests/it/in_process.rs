//! A peer in its caller's process: the request skips HTTP, and everything else is the same.

use std::{
    future::pending,
    sync::{Arc, Mutex},
    time::Duration,
};

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use service_runtime::{
    ApiError, Clock, Listeners, Metrics, RequestContext, RouteTable, Routes as _, Running, ServiceClient,
    ServiceCredential, ServiceCredentials, UpstreamError,
    client::PeerConfig,
    in_process::TrafficEvent,
    random::Random,
    server::{ANY_PORT, KEEP_ALIVE, Listener, ServerLimits, Service},
    spans::SpanConfig,
};
use shared_types::{
    AccountSid, Code, Endpoint, endpoint, endpoint::PathParameters as _, federated_auth::AccountPath,
};

const SECRET: &str = "the-secret-of-this-caller";
const PATIENT: Duration = Duration::from_secs(10);
const ACCOUNT: AccountSid = AccountSid::from_bits(1);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Words {
    words: String,
}

endpoint! {
    /// Responds as the words request.
    struct Greet: "greet" = POST "/v1/Accounts/{account_sid}/Greetings";
    path: AccountPath;
    request: Words;
    response: 201 => Words;
    idempotent: true;
    errors: [RevokedToken];
}

endpoint! {
    /// An endpoint without a handler.
    struct Unhandled: "unhandled" = POST "/v1/Unhandled";
    path: AccountPath;
    request: Words;
    response: 200 => Words;
    idempotent: true;
    errors: [];
}

#[derive(Debug, thiserror::Error)]
#[error("refused")]
struct Revoked;

impl ApiError for Revoked {
    fn code(&self) -> Code {
        Code::RevokedToken
    }
}

async fn greet(
    _: &(),
    call: &mut RequestContext<'_>,
    AccountPath { account_sid }: AccountPath,
    Words { words }: Words,
) -> Result<Words, Revoked> {
    match words.as_str() {
        "refuse" => Err(Revoked),
        "wait" => pending().await,
        "who?" => Ok(Words { words: call.request_id.as_str().to_owned() }),
        _ => Ok(Words { words: format!("{words} to {account_sid}") }),
    }
}

/// A callee without a listener for callers.
fn callee(metrics: &Arc<Metrics>) -> Running {
    let random = Random::default();
    let credentials = ServiceCredentials::new(&[SecretString::from(SECRET)], &[]);
    let service = Service {
        name: "Greeter",
        workers: 1,
        clock: Clock::system(),
        random,
        metrics: metrics.clone(),
        tls: None,
        spans: SpanConfig::OFF,
        drain: Duration::ZERO,
        keep_alive: KEEP_ALIVE,
        check: Arc::new(|| Box::pin(async { Err("not yet".to_owned()) })),
        state: Arc::new(|| ()),
        listener: Listener {
            limits: ServerLimits::internal(),
            access_policy: Arc::new(move || credentials.clone()),
            routes: |table: RouteTable<(), ServiceCredentials>| table.on::<Greet, _, _>(greet),
        },
        additional: Vec::new(),
        admin: None,
    };
    service.start(Listeners::in_process(ANY_PORT).unwrap()).unwrap()
}

fn config(callee: &Running, secret: &str, timeout: Duration) -> PeerConfig {
    PeerConfig {
        name: "Greeter",
        base_url: String::new(),
        credential: ServiceCredential::new(&SecretString::from(secret)),
        timeout,
        tls: None,
        in_process: Some(callee.in_process.clone()),
    }
}

async fn greets<M>(peer: &ServiceClient, words: &str) -> Result<String, UpstreamError>
where
    M: Endpoint<Path = AccountPath, Request = Words, Response = Words>,
{
    let mut headers = HeaderMap::new();
    headers.insert(HeaderName::from_static("request-id"), HeaderValue::from_static("the-guests-request"));
    let call = RequestContext::new(&headers, None, &Clock::system(), &Random::default());
    peer.call::<M>(&call, &AccountPath { account_sid: ACCOUNT }, &Words { words: words.to_owned() })
        .await
        .map(|answer| answer.words)
}

#[tokio::test]
async fn in_process_calls_carry_the_context_and_are_counted_on_both_sides() {
    let (of_callee, of_caller) = (Arc::default(), Arc::default());
    let callee = callee(&of_callee);
    assert_eq!(callee.listens_on(), None);
    let peer = ServiceClient::new(&config(&callee, SECRET, PATIENT), Arc::clone(&of_caller));
    assert_eq!(greets::<Greet>(&peer, "hello").await.unwrap(), format!("hello to {ACCOUNT}"));
    assert_eq!(greets::<Greet>(&peer, "who?").await.unwrap(), "the-guests-request");
    let labels = r#"http_requests_total{method="POST",route="/v1/Accounts/{account_sid}/Greetings",status="201",code=""} 2"#;
    assert!(of_callee.openmetrics().contains(labels), "{}", of_callee.openmetrics());
    let labels = r#"upstream_calls_total{peer="Greeter",message="greet",outcome="answered"} 2"#;
    assert!(of_caller.openmetrics().contains(labels), "{}", of_caller.openmetrics());
    callee.stop().await;
}

#[tokio::test]
async fn in_process_calls_are_rejected_like_http_requests() {
    let metrics = Arc::default();
    let callee = callee(&metrics);
    let peer = ServiceClient::new(&config(&callee, SECRET, PATIENT), Arc::default());
    let error_code =
        async |peer: &ServiceClient, words: &str| greets::<Greet>(peer, words).await.unwrap_err().code();
    assert_eq!(error_code(&peer, "refuse").await, Code::RevokedToken, "a guest-facing error");
    let stranger = ServiceClient::new(&config(&callee, "another-secret-altogether", PATIENT), Arc::default());
    assert_eq!(error_code(&stranger, "hello").await, Code::UpstreamInvalid, "401");
    for code in ["revoked_token", "invalid_service_credential"] {
        assert!(
            metrics.openmetrics().contains(&format!(r#"code="{code}"}} 1"#)),
            "{code}: {}",
            metrics.openmetrics()
        );
    }
    let unhandled = greets::<Unhandled>(&peer, "hello").await.unwrap_err();
    assert_eq!(unhandled.code(), Code::UpstreamInvalid);
}

#[tokio::test]
async fn slow_in_process_calls_time_out() {
    let callee = callee(&Arc::default());
    let peer = ServiceClient::new(&config(&callee, SECRET, Duration::from_millis(50)), Arc::default());
    assert_eq!(greets::<Greet>(&peer, "wait").await.unwrap_err().code(), Code::UpstreamTimeout);
    assert!(greets::<Greet>(&peer, "hello").await.is_ok());
}

#[tokio::test]
async fn probes_run_the_callees_readiness_check() {
    let callee = callee(&Arc::default());
    assert_eq!(config(&callee, SECRET, PATIENT).probe(Greet::PATH).await, Err("not yet".to_owned()));
}

#[tokio::test]
async fn observers_see_the_equivalent_http_traffic() {
    let callee = callee(&Arc::default());
    let events = Arc::new(Mutex::new(Vec::new()));
    let sink = events.clone();
    let in_process = callee.in_process.clone().observed_by(Arc::new(move |what| {
        let line = match what {
            TrafficEvent::Request { method, path, body } => {
                format!("{method} {path} {}", str::from_utf8(body).unwrap())
            }
            TrafficEvent::Response { status, body } => format!("{status} {}", str::from_utf8(body).unwrap()),
        };
        sink.lock().unwrap().push(line);
    }));
    let config = PeerConfig { in_process: Some(in_process), ..config(&callee, SECRET, PATIENT) };
    let peer = ServiceClient::new(&config, Arc::default());
    greets::<Greet>(&peer, "hello").await.unwrap();
    greets::<Greet>(&peer, "refuse").await.unwrap_err();
    let events = events.lock().unwrap().join("\n");
    let refusal = Code::RevokedToken.sentence();
    assert_eq!(
        events,
        format!(
            "POST {path} {{\"words\":\"hello\"}}\n201 {{\"words\":\"hello to {ACCOUNT}\"}}\n\
             POST {path} {{\"words\":\"refuse\"}}\n\
             401 {{\"valid\":false,\"code\":\"revoked_token\",\"message\":\"{refusal}\"}}",
            path = AccountPath { account_sid: ACCOUNT }.fill(Greet::PATH)
        )
    );
}
