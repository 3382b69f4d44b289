//! Mutual TLS between caller and callee: valid pairs, and each kind of invalid pair. The callee is a minimal service;
//! the certificates are made here.

use std::{path::Path, sync::Arc, time::Duration};

use actix_web::http::header::HeaderMap;
use service_runtime::{
    Clock, Listeners, RequestContext, RouteTable, Routes as _, Running, ServiceClient, UpstreamError,
    client::PeerConfig,
    random::Random,
    server::{ServerLimits, Service},
    tls::{Callee, Caller, FromMaterial, OwnFiles, Part, TlsFiles, WatchedTls},
};
use shared_types::{Code, Endpoint, endpoint, orchestrator::NoParameters};
use tempfile::TempDir;
use test_support::{
    authority::{Authority, Flaw, put},
    http,
    smallest_service::{Never, Open, service},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

const PERIOD: Duration = Duration::from_millis(10);
const PATIENT: Duration = Duration::from_secs(10);

endpoint! {
    struct Greet: "greet" = POST "/v1/Greet";
    path: NoParameters;
    request: NoParameters;
    response: 200 => NoParameters;
    idempotent: true;
    errors: [];
}

async fn greet(
    _: &(),
    _: &mut RequestContext<'_>,
    _: NoParameters,
    _: NoParameters,
) -> Result<NoParameters, Never> {
    Ok(NoParameters {})
}

fn files(folder: &Path, participant: Option<&str>) -> TlsFiles {
    let own = participant.map(|name| OwnFiles {
        certificate: folder.join(format!("{name}.pem")),
        key: folder.join(format!("{name}.key")),
    });
    TlsFiles { authorities: folder.join("ca.pem"), own, period: PERIOD }
}

fn load<T: FromMaterial>(folder: &Path, participant: Option<&str>) -> Arc<WatchedTls<T>> {
    WatchedTls::load_files(files(folder, participant)).map_err(|error| error.to_string()).unwrap()
}

/// A folder for either side, with an authority that signed both certificates.
struct Pair {
    authority: Authority,
    callee: TempDir,
    caller: TempDir,
}

impl Pair {
    fn new() -> Self {
        let authority = Authority::new("the services' authority");
        let pair =
            Self { authority, callee: tempfile::tempdir().unwrap(), caller: tempfile::tempdir().unwrap() };
        for folder in [&pair.callee, &pair.caller] {
            put(folder.path(), "ca.pem", pair.authority.pem());
        }
        pair.authority.issues("callee", pair.callee.path(), Flaw::None);
        pair.authority.issues("caller", pair.caller.path(), Flaw::None);
        pair
    }

    fn callee(&self) -> Running {
        start(Some(load::<Callee>(self.callee.path(), Some("callee"))))
    }

    fn peer(&self, of: &Running) -> ServiceClient {
        ServiceClient::new(&self.config(of), Arc::default())
    }

    fn config(&self, of: &Running) -> PeerConfig {
        let tls = load::<Caller>(self.caller.path(), Some("caller"));
        peer_config(&format!("https://{}", of.address()), Some(tls))
    }
}

fn start(tls: Option<Arc<WatchedTls<Callee>>>) -> Running {
    let routes = |table: RouteTable<(), Open>| table.on::<Greet, _, _>(greet);
    let service = Service { tls, ..service((), ServerLimits::internal(), Duration::ZERO, routes) };
    service.start(Listeners::loopback().unwrap()).unwrap()
}

fn peer(base_url: &str, tls: Option<Arc<WatchedTls<Caller>>>) -> ServiceClient {
    ServiceClient::new(&peer_config(base_url, tls), Arc::default())
}

fn peer_config(base_url: &str, tls: Option<Arc<WatchedTls<Caller>>>) -> PeerConfig {
    PeerConfig {
        name: "Greeter",
        base_url: base_url.to_owned(),
        credential: None,
        timeout: PATIENT,
        tls,
        in_process: None,
    }
}

async fn greets(peer: &ServiceClient) -> Result<(), UpstreamError> {
    let headers = HeaderMap::new();
    let call = RequestContext::new(&headers, None, &Clock::system(), &Random::default());
    peer.call::<Greet>(&call, &NoParameters {}, &NoParameters {}).await.map(drop)
}

/// Asserts that the request fails with this code, and that the logged error says why.
#[track_caller]
fn is_refused(answer: Result<(), UpstreamError>, code: Code, why: &str) {
    let error = answer.expect_err("a refusal");
    assert_eq!(error.code(), code, "{error}");
    assert!(error.to_string().contains(why), "{error}");
}

/// A byte order mark would hide the first certificate of a file from the parser.
#[tokio::test]
async fn byte_order_marks_in_pem_files_are_ignored() {
    let pair = Pair::new();
    for (folder, participant) in [(&pair.callee, "callee"), (&pair.caller, "caller")] {
        for file in ["ca.pem", &format!("{participant}.pem"), &format!("{participant}.key")] {
            let content = std::fs::read_to_string(folder.path().join(file)).unwrap();
            put(folder.path(), file, &format!("\u{feff}{content}"));
        }
    }
    let callee = pair.callee();
    greets(&pair.peer(&callee)).await.unwrap();
}

#[tokio::test]
async fn mutual_tls_works_and_reuses_its_connection() {
    let pair = Pair::new();
    let callee = pair.callee();
    let peer = pair.peer(&callee);
    for _ in 0..3 {
        greets(&peer).await.unwrap();
    }
    assert_eq!(pair.config(&callee).probe(Greet::PATH).await, Ok(()));
    callee.stop().await;
}

#[tokio::test]
async fn callers_without_a_certificate_are_rejected() {
    let pair = Pair::new();
    let callee = pair.callee();
    let anonymous = load::<Caller>(pair.caller.path(), None);
    let peer = peer(&format!("https://{}", callee.address()), Some(anonymous));
    is_refused(greets(&peer).await, Code::UpstreamInvalid, "CertificateRequired");
}

#[tokio::test]
async fn callers_of_another_authority_are_rejected() {
    let pair = Pair::new();
    let callee = pair.callee();
    Authority::new("another authority").issues("caller", pair.caller.path(), Flaw::None);
    is_refused(greets(&pair.peer(&callee)).await, Code::UpstreamInvalid, "UnknownCA");
}

#[tokio::test]
async fn callers_with_an_expired_certificate_are_rejected() {
    let pair = Pair::new();
    let callee = pair.callee();
    pair.authority.issues("caller", pair.caller.path(), Flaw::Expired);
    is_refused(greets(&pair.peer(&callee)).await, Code::UpstreamInvalid, "CertificateExpired");
}

#[tokio::test]
async fn servers_with_another_name_are_rejected() {
    for (flaw, why) in [(Flaw::Expired, "certificate expired"), (Flaw::OfAnotherHost, "not valid for name")] {
        let pair = Pair::new();
        pair.authority.issues("callee", pair.callee.path(), flaw);
        let callee = pair.callee();
        is_refused(greets(&pair.peer(&callee)).await, Code::UpstreamUnavailable, why);
    }
    let pair = Pair::new();
    Authority::new("another authority").issues("callee", pair.callee.path(), Flaw::None);
    let callee = pair.callee();
    is_refused(greets(&pair.peer(&callee)).await, Code::UpstreamUnavailable, "UnknownIssuer");
}

#[tokio::test]
async fn plain_http_and_tls_are_not_interchangeable() {
    let pair = Pair::new();
    let callee = pair.callee();
    greets(&peer(&format!("http://{}", callee.address()), None)).await.expect_err("it speaks only TLS");
    let plain = start(None);
    is_refused(greets(&pair.peer(&plain)).await, Code::UpstreamUnavailable, "received corrupt message");
    // The admin listener is plain HTTP: probes have no certificates.
    assert_eq!(http::Request::get("/readyz").send(callee.admin_address).await.status, 200);
}

#[tokio::test]
async fn handshakes_time_out() {
    let pair = Pair::new();
    let callee = pair.callee();
    let mut silent = TcpStream::connect(callee.address()).await.unwrap();
    silent.write_all(&[22, 3, 1]).await.unwrap();
    let end = timeout(PATIENT, silent.read_to_end(&mut Vec::new())).await;
    assert!(end.is_ok(), "the callee closes stalled handshakes");
}

#[tokio::test]
async fn new_certificates_apply_while_old_connections_finish() {
    let pair = Pair::new();
    let callee_files = load::<Callee>(pair.callee.path(), Some("callee"));
    let caller_files = load::<Caller>(pair.caller.path(), Some("caller"));
    let callee = start(Some(callee_files.clone()));
    let url = format!("https://{}", callee.address());
    let old = peer(&url, Some(load::<Caller>(pair.caller.path(), Some("caller"))));
    let peer = peer(&url, Some(caller_files.clone()));
    let follower = caller_files.clone();
    let follower = tokio::spawn(async move { follower.follow_files().await });
    greets(&peer).await.unwrap();
    greets(&old).await.unwrap();

    // Moves to another authority, with both trusted in between: callees first present what callers already trust.
    let next = Authority::new("the next authority");
    let both = format!("{}{}", pair.authority.pem(), next.pem());
    let (mut at_callee, mut at_caller) = (callee_files.reloads(), caller_files.reloads());
    for (folder, changes) in [(&pair.callee, &mut at_callee), (&pair.caller, &mut at_caller)] {
        put(folder.path(), "ca.pem", &both);
        timeout(PATIENT, changes.changed()).await.expect("a change is noticed").unwrap();
        greets(&peer).await.unwrap();
    }
    // A certificate and its key are two files; a poll may fall between their writes.
    next.issues("callee", pair.callee.path(), Flaw::None);
    while callee_files.version() < 2 {
        timeout(PATIENT, at_callee.changed()).await.expect("a change is noticed").unwrap();
    }
    next.issues("caller", pair.caller.path(), Flaw::None);
    while caller_files.version() < 2 {
        timeout(PATIENT, at_caller.changed()).await.expect("a change is noticed").unwrap();
    }
    greets(&peer).await.unwrap();
    put(pair.callee.path(), "ca.pem", next.pem());
    put(pair.caller.path(), "ca.pem", next.pem());
    while callee_files.version() < 3 {
        timeout(PATIENT, at_callee.changed()).await.expect("a change is noticed").unwrap();
    }
    while caller_files.version() < 3 {
        timeout(PATIENT, at_caller.changed()).await.expect("a change is noticed").unwrap();
    }
    greets(&peer).await.unwrap();

    greets(&old).await.expect("its connection closes after this response, not earlier");
    greets(&old).await.expect_err("its certificate and trust are of the previous authority");
    follower.abort();
}

#[tokio::test]
async fn a_new_client_certificate_applies_to_the_next_request() {
    let pair = Pair::new();
    let callee = pair.callee();
    let files = load::<Caller>(pair.caller.path(), Some("caller"));
    let peer = peer(&format!("https://{}", callee.address()), Some(files.clone()));
    let follower = files.clone();
    let follower = tokio::spawn(async move { follower.follow_files().await });
    greets(&peer).await.unwrap();
    Authority::new("another authority").issues("caller", pair.caller.path(), Flaw::None);
    let mut changes = files.reloads();
    while files.version() == 0 {
        timeout(PATIENT, changes.changed()).await.expect("a change is noticed").unwrap();
    }
    is_refused(greets(&peer).await, Code::UpstreamInvalid, "UnknownCA");
    follower.abort();
}

#[tokio::test]
async fn invalid_certificate_files_are_ignored() {
    let pair = Pair::new();
    let callee_files = load::<Callee>(pair.callee.path(), Some("callee"));
    let callee = start(Some(callee_files.clone()));
    let peer = pair.peer(&callee);
    let mut changes = callee_files.reloads();
    let key = std::fs::read_to_string(pair.callee.path().join("callee.key")).unwrap();
    let other = KEY_OF_NOBODY.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        Authority::new("nobody's").issues("nobody", folder.path(), Flaw::None);
        std::fs::read_to_string(folder.path().join("nobody.key")).unwrap()
    });
    for broken in ["", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", other.as_str()] {
        put(pair.callee.path(), "callee.key", broken);
        timeout(PATIENT, changes.changed()).await.expect("a change is noticed").unwrap();
        greets(&peer).await.unwrap();
        greets(&pair.peer(&callee)).await.unwrap();
    }
    put(pair.callee.path(), "callee.key", &key);
    timeout(PATIENT, changes.changed()).await.expect("a change is noticed").unwrap();
    assert_eq!(callee_files.version(), 0, "the previous files stay in use");
    greets(&peer).await.unwrap();
}

static KEY_OF_NOBODY: std::sync::OnceLock<String> = std::sync::OnceLock::new();

#[test]
fn file_errors_do_not_contain_the_content() {
    let pair = Pair::new();
    let folder = pair.callee.path();
    let key = std::fs::read_to_string(folder.join("callee.key")).unwrap();
    let certificate = std::fs::read_to_string(folder.join("callee.pem")).unwrap();
    let reload_error = |name: &str, content: &str| {
        let good = std::fs::read_to_string(folder.join(name)).unwrap();
        put(folder, name, content);
        let error = WatchedTls::<Callee>::load_files(files(folder, Some("callee"))).err().unwrap();
        put(folder, name, &good);
        for line in key.lines().filter(|line| !line.starts_with("-----")) {
            assert!(!error.to_string().contains(line), "a part of the key");
        }
        (error.part, error.to_string())
    };
    assert_eq!(
        reload_error("callee.key", &certificate),
        (Part::Key, "holds no private key in PEM".to_owned())
    );
    assert_eq!(
        reload_error("callee.pem", &key),
        (Part::Certificate, "holds no certificates in PEM".to_owned())
    );
    assert_eq!(reload_error("ca.pem", ""), (Part::Authorities, "holds no certificates in PEM".to_owned()));
    pair.authority.issues("caller", folder, Flaw::None);
    let other = std::fs::read_to_string(folder.join("caller.key")).unwrap();
    assert_eq!(
        reload_error("callee.key", &other),
        (Part::Key, "is not the key of the certificate".to_owned())
    );
    std::fs::remove_file(folder.join("callee.pem")).unwrap();
    let error = WatchedTls::<Callee>::load_files(files(folder, Some("callee"))).err().unwrap();
    assert_eq!(error.to_string(), "cannot be read: entity not found");
}
