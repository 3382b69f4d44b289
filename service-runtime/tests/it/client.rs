//! The client for another service: the request it sends, a successful response, errors, invalid responses, timeouts and
//! retries. The peer is scripted, since our real services do not misbehave.

use std::{sync::Arc, time::Duration};

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use secrecy::SecretString;
use service_runtime::{
    Clock, Metrics, RequestContext, ServiceClient, ServiceCredential, UpstreamError, client::PeerConfig,
    random::Random,
};
use shared_types::{
    AccountSid, Code, Endpoint, endpoint,
    orchestrator::{NoParameters, PublicConfiguration, public_configuration},
    scoped_auth::{PublishKeys, Validate, jwks, validate},
};
use test_support::scripted_peer::{Act, ClosedPort, ScriptedPeer, answer};

const SECRET: &str = "the-secret-of-this-caller";
const KEYS: &str = r#"{"keys":[]}"#;
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

fn peer(base_url: &str, timeout: Duration, metrics: &Arc<Metrics>) -> ServiceClient {
    let credential = ServiceCredential::new(&SecretString::from(SECRET));
    let config = PeerConfig {
        name: "ScopedAuthService",
        base_url: base_url.to_owned(),
        credential,
        timeout,
        tls: None,
        in_process: None,
    };
    ServiceClient::new(&config, metrics.clone())
}

/// The client's result of requesting the published keys from the peer.
async fn keys(base_url: &str, timeout: Duration) -> Result<(), UpstreamError> {
    let headers = HeaderMap::new();
    let call = RequestContext::new(&headers, None, &Clock::system(), &Random::default());
    let peer = peer(base_url, timeout, &Arc::default());
    peer.call::<PublishKeys>(&call, &NoParameters {}, &Default::default()).await.map(drop)
}

/// Long enough for a busy machine.
const PATIENT: Duration = Duration::from_secs(10);
/// Short enough for a test that waits for the timeout.
const SHORT: Duration = Duration::from_millis(100);

async fn code_of(act: Act, timeout: Duration) -> Code {
    let scripted = ScriptedPeer::that(act.clone()).await;
    let error = keys(&scripted.url(), timeout).await.expect_err("a failure");
    assert_eq!(scripted.seen().len(), 1, "one request, no retry: {act:?}");
    error.code()
}

#[tokio::test]
async fn requests_carry_path_credential_and_request_context() {
    let verdict = r#"{"authorized":false,"message":"token_validation_failed","reason":"invalid_token"}"#;
    let scripted = ScriptedPeer::that(Act::json(200, verdict)).await;
    let mut headers = HeaderMap::new();
    let traceparent = format!("00-{TRACE}-00f067aa0ba902b7-01");
    for (name, value) in [("request-id", "the-guests-request"), ("traceparent", &traceparent)] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
    }
    let call = RequestContext::new(&headers, None, &Clock::system(), &Random::default());
    let request = serde_json::from_str(r#"{"token":"a-token"}"#).unwrap();
    let peer = peer(&scripted.url(), PATIENT, &Arc::default());
    let answered = peer.call::<Validate>(&call, &NoParameters {}, &request).await.unwrap();
    assert!(matches!(answered, validate::Response::Refused(_)));

    let [seen] = scripted.seen().try_into().unwrap();
    assert!(seen.starts_with("POST /v1/ScopedAuthTokens/validate HTTP/1.1\r\n"), "{seen}");
    assert!(seen.ends_with("\r\n\r\n{\"token\":\"a-token\"}"), "{seen}");
    let header = |name| scripted.header_seen(0, name).unwrap_or_default();
    assert_eq!(header("authorization"), format!("Bearer {SECRET}"));
    assert_eq!(header("content-type"), "application/json");
    assert_eq!(header("request-id"), "the-guests-request");
    let passed_on = header("traceparent");
    assert!(passed_on.starts_with(&format!("00-{TRACE}-")) && passed_on.ends_with("-01"), "{passed_on}");
    assert_ne!(passed_on, traceparent, "the client request has its own span");
}

#[tokio::test]
async fn get_fields_are_sent_in_the_query() {
    let scripted =
        ScriptedPeer::that(Act::json(200, r#"{"allowedOrigins":["https://shop.example.com"]}"#)).await;
    let headers = HeaderMap::new();
    let call = RequestContext::new(&headers, None, &Clock::system(), &Random::default());
    let config = PeerConfig {
        name: "FlexConfiguration",
        base_url: scripted.url(),
        credential: None,
        timeout: PATIENT,
        tls: None,
        in_process: None,
    };
    let request = public_configuration::Request { account_sid: AccountSid::from_bits(1) };
    let peer = ServiceClient::new(&config, Arc::default());
    let answered = peer.call::<PublicConfiguration>(&call, &NoParameters {}, &request).await.unwrap();
    assert_eq!(answered.allowed_origins, ["https://shop.example.com"]);
    let [seen] = scripted.seen().try_into().unwrap();
    let line = "GET /V1/Configuration/Public?AccountSid=AC00000000000000000000000000000001 HTTP/1.1\r\n";
    assert!(seen.starts_with(line), "{seen}");
    assert_eq!(scripted.header_seen(0, "authorization"), None, "a peer without a secret is sent none");
}

#[tokio::test]
async fn successful_responses_are_decoded() {
    let scripted = ScriptedPeer::that(Act::json(200, KEYS)).await;
    keys(&scripted.url(), PATIENT).await.unwrap();
}

#[tokio::test]
async fn only_guest_facing_errors_are_forwarded() {
    for code in Code::ALL {
        let body = format!(r#"{{"valid":false,"code":"{}","message":"No."}}"#, code.as_str());
        let code = code_of(Act::json(code.status(), &body), PATIENT).await;
        let expected = match code.as_str() {
            "invalid_token"
            | "expired_token"
            | "revoked_token"
            | "session_expired"
            | "fingerprint_invalid" => code,
            "invalid_dpop_proof" | "upstream_invalid" | "upstream_unavailable" | "upstream_timeout" => code,
            _ => Code::UpstreamInvalid,
        };
        assert_eq!(code, expected, "{code:?}");
    }
}

#[tokio::test]
async fn undecodable_responses_are_invalid() {
    let chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    let chunk = format!("1000\r\n{}\r\n", "a".repeat(0x1000)).into_bytes();
    let broken_chunk = [chunked.clone(), b"no length\r\n".to_vec()].concat();
    let refusal = r#"{"valid":false,"code":"invalid_token","message":"No."}"#;
    let html = "<html><h1>Internal Server Error</h1></html>";
    for (what, act) in [
        ("bytes that are not HTTP", Act::Send(b"\x00\xff garbage\r\n\r\n".to_vec())),
        ("another protocol", Act::Send(b"SSH-2.0-OpenSSH_9.9\r\n".to_vec())),
        ("an HTML page", Act::Send(answer(200, "content-type: text/html\r\n", html))),
        ("an error page", Act::Send(answer(500, "content-type: text/html\r\n", html))),
        ("JSON of another form", Act::json(200, r#"{"token":"x"}"#)),
        ("no body", Act::json(200, "")),
        ("truncated JSON with a matching length", Act::json(200, r#"{"keys":["#)),
        ("another status", Act::json(201, KEYS)),
        ("an error code with another status", Act::json(403, refusal)),
        ("an error with an unknown code", Act::json(401, &refusal.replace("invalid_token", "go_away"))),
        ("an endless body", Act::SendEndlessly(chunked, chunk)),
        ("malformed chunks", Act::Send(broken_chunk)),
    ] {
        assert_eq!(code_of(act, PATIENT).await, Code::UpstreamInvalid, "{what}");
    }
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let elsewhere = ScriptedPeer::that(Act::json(200, KEYS)).await;
    for status in [301, 302, 303, 307, 308] {
        let location = format!("location: {}{}\r\n", elsewhere.url(), PublishKeys::PATH);
        let code = code_of(Act::Send(answer(status, &location, KEYS)), PATIENT).await;
        assert_eq!(code, Code::UpstreamInvalid, "{status}");
    }
    assert!(elsewhere.seen().is_empty(), "redirects must not receive the secret");
}

#[tokio::test]
async fn a_closed_port_is_unavailable() {
    let closed = ClosedPort::reserve();
    assert_eq!(keys(&closed.url(), PATIENT).await.unwrap_err().code(), Code::UpstreamUnavailable);
    let half = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"keys\":".to_vec();
    for (what, act) in [
        ("closes the connection", Act::Close),
        ("closes in the head", Act::Send(b"HTTP/1.1 200 OK\r\ncontent-".to_vec())),
        ("closes in the body", Act::Send(half)),
    ] {
        assert_eq!(code_of(act, PATIENT).await, Code::UpstreamUnavailable, "{what}");
    }
}

endpoint! {
    /// An endpoint that is not idempotent.
    struct Once: "once" = GET "/.well-known/jwks.json";
    path: NoParameters;
    request: NoParameters;
    response: 200 => jwks::Response;
    idempotent: false;
    errors: [];
}

/// Sends a second request on a connection that has served one; returns its result, and how many connections and
/// requests the peer has counted. The peer would answer a third request.
async fn second<M>(second_act: Act) -> (Result<(), Code>, usize, usize)
where
    M: Endpoint<Path = NoParameters, Request = NoParameters>,
{
    let good = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{KEYS}", KEYS.len());
    let good = || Act::SendAndKeepAlive(good.clone().into_bytes());
    let scripted = ScriptedPeer::with(vec![good(), second_act, good()]).await;
    let headers = HeaderMap::new();
    let call = RequestContext::new(&headers, None, &Clock::system(), &Random::default());
    let peer = peer(&scripted.url(), PATIENT, &Arc::default());
    peer.call::<M>(&call, &NoParameters {}, &NoParameters {}).await.unwrap();
    let second = peer.call::<M>(&call, &NoParameters {}, &NoParameters {}).await;
    (second.map(drop).map_err(|error| error.code()), scripted.connections(), scripted.seen().len())
}

#[tokio::test]
async fn idempotent_requests_are_retried_when_a_pooled_connection_breaks() {
    assert_eq!(second::<PublishKeys>(Act::Close).await, (Ok(()), 2, 3), "on a fresh connection");
}

#[tokio::test]
async fn non_idempotent_requests_are_not_retried() {
    let failed = Err(Code::UpstreamUnavailable);
    assert_eq!(second::<Once>(Act::Close).await, (failed, 1, 2), "the peer may have executed it already");
}

#[tokio::test]
async fn requests_with_a_partial_response_are_not_retried() {
    let half = Act::Send(b"HTTP/1.1 200 OK\r\ncontent-".to_vec());
    let failed = Err(Code::UpstreamUnavailable);
    assert_eq!(second::<PublishKeys>(half).await, (failed, 1, 2), "the request may have crashed the peer");
    let nonsense = Act::Send(b"SSH-2.0-OpenSSH_9.9\r\n".to_vec());
    assert_eq!(second::<PublishKeys>(nonsense).await, (Err(Code::UpstreamInvalid), 1, 2));
}

#[tokio::test]
async fn slow_peers_time_out() {
    let head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n".to_vec();
    let in_body = [head.clone(), b"content-length: 100\r\n\r\n{".to_vec()].concat();
    for (what, act) in [
        ("never responds", Act::never_respond()),
        ("stalls in the head", Act::SendAndStall(head)),
        ("stalls in the body", Act::SendAndStall(in_body)),
    ] {
        assert_eq!(code_of(act, SHORT).await, Code::UpstreamTimeout, "{what}");
    }
}

#[tokio::test]
async fn calls_are_counted_by_outcome() {
    let headers = HeaderMap::new();
    let call = RequestContext::new(&headers, None, &Clock::system(), &Random::default());
    let metrics = Arc::new(Metrics::default());
    let refusal = Act::json(500, r#"{"valid":false,"code":"internal_error","message":"No."}"#);
    for act in [Act::json(200, KEYS), refusal, Act::json(200, "{}"), Act::Close, Act::never_respond()] {
        let scripted = ScriptedPeer::that(act).await;
        let peer = peer(&scripted.url(), Duration::from_millis(500), &metrics);
        let _ = peer.call::<PublishKeys>(&call, &NoParameters {}, &Default::default()).await;
    }
    let text = metrics.openmetrics();
    for outcome in ["answered", "refused", "invalid", "unavailable", "timeout"] {
        let labels = format!(r#"peer="ScopedAuthService",message="publish_keys",outcome="{outcome}""#);
        assert!(text.contains(&format!("upstream_calls_total{{{labels}}} 1\n")), "{outcome}: {text}");
    }
}
