//! Starship as a child process of the test: it starts on a free port, logs its requests, and leaves nothing behind. Its
//! responses are tested by `starship/test`.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use local_stack::{Guest, Stack, StackConfig, Starship, StarshipConfig, demo};
use tokio::{
    net::TcpListener,
    sync::mpsc::{self, UnboundedReceiver},
    time::timeout,
};

/// No process listens there.
const NOWHERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 1);

/// The next log line, or `None` after the log has ended; panics at the timeout instead of waiting without end.
async fn next<T>(lines: &mut UnboundedReceiver<T>) -> Option<T> {
    timeout(Duration::from_secs(10), lines.recv()).await.expect("a log line or the end of the log in time")
}

#[tokio::test]
async fn starship_serves_and_logs_each_request() {
    let data = tempfile::tempdir().unwrap();
    let stack = Stack::start(&StackConfig::for_test(data.path())).await.unwrap();
    let (sender, mut lines) = mpsc::unbounded_channel();
    let mut plan =
        StarshipConfig::on_a_free_port(&data.path().join("starship"), stack.orchestrator.address());
    plan.access_log = Arc::new(move |line| sender.send(line.to_owned()).unwrap());
    let starship = Starship::start(plan).await.unwrap();
    let guest = Guest::with_chrome(&format!("http://{}", starship.address), demo::DEPLOYMENT_ON);
    assert_eq!(guest.creates_token().await.status, 200);
    let line: serde_json::Value = serde_json::from_str(&next(&mut lines).await.unwrap()).unwrap();
    assert_eq!((&line["path"], &line["status"]), (&"/v2/Webchat/Token".into(), &200.into()));
    starship.stop().await.unwrap();
    assert!(next(&mut lines).await.is_none(), "readiness checks are not logged as requests");
}

#[tokio::test]
async fn starship_exits_on_stop_and_on_drop() {
    let data = tempfile::tempdir().unwrap();
    let plan = StarshipConfig::on_a_free_port(data.path(), NOWHERE);
    let starship = Starship::start(plan.clone()).await.unwrap();
    let address = starship.address;
    starship.stop().await.unwrap();
    let (closed, mut end_of_log) = mpsc::unbounded_channel::<()>();
    let access_log = Arc::new(move |_: &str| closed.send(()).unwrap());
    let again = StarshipConfig { listen: address, access_log, ..plan };
    drop(Starship::start(again).await.unwrap());
    assert!(next(&mut end_of_log).await.is_none(), "the log is closed");
    TcpListener::bind(address).await.expect("the address is released");
}

#[tokio::test]
async fn starship_fails_to_start_on_a_used_address_or_without_its_certificate() {
    let data = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let plan = StarshipConfig::on_a_free_port(data.path(), NOWHERE);
    let on_it = StarshipConfig { listen: taken.local_addr().unwrap(), ..plan.clone() };
    let Err(error) = Starship::start(on_it).await else { panic!("the address is in use") };
    assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
    let nothing = data.path().join("nothing.pem");
    let without = StarshipConfig { certificate: Some([nothing.clone(), nothing]), ..plan };
    let Err(error) = Starship::start(without).await else { panic!("the certificate is missing") };
    assert!(error.to_string().contains("cannot load certificate"), "{error}");
}
