//! Graceful shutdown: in-flight requests complete, new ones are refused, and idle keep-alive connections do not delay
//! it. The service is a minimal one that responds when the test opens a gate.

use std::{net::SocketAddr, time::Duration};

use service_runtime::{
    Listeners, RequestContext, RouteTable, Routes as _, Running,
    server::{ServerLimits, Service},
};
use shared_types::{Endpoint, orchestrator::NoParameters};
use test_support::{
    eventually,
    http::{Answer, Request},
    smallest_service::{Gate, Never, Open, Wait, service},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinHandle,
    time::timeout,
};

/// Far longer than an undelayed shutdown, and shorter than the deadline of in-flight requests.
const SOON: Duration = Duration::from_secs(5);

async fn wait(
    gate: &Gate,
    _: &mut RequestContext<'_>,
    _: NoParameters,
    _: NoParameters,
) -> Result<NoParameters, Never> {
    gate.pass().await
}

fn routes(table: RouteTable<Gate, Open>) -> RouteTable<Gate, Open> {
    table.on::<Wait, _, _>(wait)
}

fn start() -> (Running, Gate) {
    start_with(Duration::ZERO)
}

fn start_with(drain: Duration) -> (Running, Gate) {
    let gate = Gate::closed();
    let service = service(gate.clone(), ServerLimits::internal(), drain, routes);
    (service.start(Listeners::loopback().unwrap()).unwrap(), gate)
}

/// A request that is in flight until the test releases it.
async fn in_flight(address: SocketAddr, gate: &Gate) -> JoinHandle<Answer> {
    let request = tokio::spawn(async move { Request::post(Wait::PATH).send(address).await });
    gate.arrived(1).await;
    request
}

async fn refuses_connections(address: SocketAddr) {
    let refused = async { while TcpStream::connect(address).await.is_ok() {} };
    timeout(SOON, refused).await.expect("a stopping service accepts no new connections");
}

#[tokio::test]
async fn in_flight_requests_complete_and_new_ones_are_refused() {
    let (running, gate) = start();
    let (address, admin) = (running.address(), running.admin_address);
    assert_eq!(Request::get("/readyz").send(admin).await.status, 200);
    let request = in_flight(address, &gate).await;
    let stop = tokio::spawn(running.stop());
    refuses_connections(address).await;
    let readiness = Request::get("/readyz").send(admin).await;
    assert_eq!((readiness.status, readiness.member("reason").as_str()), (503, "stopping"));
    assert!(!stop.is_finished(), "the request is still in flight");
    gate.release(1);
    assert_eq!(request.await.unwrap().status, 200);
    timeout(SOON, stop).await.expect("shutdown completes").unwrap();
    refuses_connections(address).await;
    refuses_connections(admin).await;
}

#[tokio::test]
async fn keep_alive_connections_are_closed_after_the_response() {
    let (running, gate) = start();
    let address = running.address();
    let mut kept = TcpStream::connect(address).await.unwrap();
    kept.write_all(&Request::post(Wait::PATH).bytes()).await.unwrap();
    gate.arrived(1).await;
    let stop = tokio::spawn(running.stop());
    refuses_connections(address).await;
    gate.release(1);
    let mut answer = String::new();
    timeout(SOON, kept.read_to_string(&mut answer))
        .await
        .expect("the connection closes after its response")
        .unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("{}"), "{answer}");
    timeout(SOON, stop).await.expect("shutdown does not wait for another request").unwrap();
}

#[tokio::test]
async fn idle_connections_do_not_delay_shutdown() {
    let (running, gate) = start();
    let mut silent = TcpStream::connect(running.address()).await.unwrap();
    let mut kept = TcpStream::connect(running.address()).await.unwrap();
    kept.write_all(&Request::post(Wait::PATH).bytes()).await.unwrap();
    gate.arrived(1).await;
    gate.release(1);
    assert!(kept.read_buf(&mut Vec::new()).await.unwrap() > 0, "the response keeps the connection open");
    timeout(SOON, running.stop()).await.expect("shutdown does not wait for idle connections");
    for connection in [&mut silent, &mut kept] {
        let mut rest = Vec::new();
        // Closed or reset; either is an end.
        let _ = timeout(SOON, connection.read_to_end(&mut rest)).await.expect("the connection is closed too");
    }
}

#[tokio::test]
async fn a_kill_aborts_in_flight_requests() {
    let (running, gate) = start();
    let mut stream = TcpStream::connect(running.address()).await.unwrap();
    stream.write_all(&Request::post(Wait::PATH).bytes()).await.unwrap();
    gate.arrived(1).await;
    timeout(SOON, running.kill()).await.expect("a kill does not wait");
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    assert!(answer.is_empty(), "no response, not even a truncated one");
}

#[tokio::test]
async fn shutdown_hooks_run_after_the_last_response() {
    let (running, gate) = start();
    let (address, background_task) = (running.address(), tokio::spawn(std::future::pending()));
    let (done, was_done) = tokio::sync::oneshot::channel();
    let request = in_flight(address, &gate).await;
    let abort = background_task.abort_handle();
    let running = running.with_task(background_task).on_shutdown(async move { done.send(()).unwrap() });
    let stop = tokio::spawn(running.stop());
    refuses_connections(address).await;
    assert!(was_done.is_empty() && !abort.is_finished(), "not while a request is in flight");
    gate.release(1);
    request.await.unwrap();
    timeout(SOON, stop).await.expect("shutdown completes").unwrap();
    was_done.await.unwrap();
    assert!(abort.is_finished());
}

#[tokio::test]
async fn a_draining_server_is_unready_serves_and_closes_connections() {
    // Never ends: the end of the drain is not under test.
    let (running, gate) = start_with(Duration::from_secs(3600));
    let (address, admin) = (running.address(), running.admin_address);
    let mut kept = TcpStream::connect(address).await.unwrap();
    kept.write_all(&Request::post(Wait::PATH).bytes()).await.unwrap();
    gate.arrived(1).await;
    gate.release(1);
    let mut answer = Vec::new();
    let whole = async {
        while !answer.ends_with(b"{}") {
            assert!(kept.read_buf(&mut answer).await.unwrap() > 0);
        }
    };
    timeout(SOON, whole).await.expect("the first answer arrives");
    assert!(!String::from_utf8(answer).unwrap().contains("connection: close"), "it may be kept");

    let stop = tokio::spawn(running.stop());
    eventually(SOON, "not ready", async || Request::get("/readyz").send(admin).await.status == 503).await;
    gate.release(1);
    assert_eq!(in_flight(address, &gate).await.await.unwrap().status, 200, "new connections are served");
    kept.write_all(&Request::post(Wait::PATH).bytes()).await.unwrap();
    gate.arrived(1).await;
    gate.release(1);
    let mut last = String::new();
    timeout(SOON, kept.read_to_string(&mut last))
        .await
        .expect("the connection closes after the response")
        .unwrap();
    assert!(last.starts_with("HTTP/1.1 200 ") && last.contains("connection: close"), "{last}");
    assert!(!stop.is_finished());
    stop.abort();
}

#[tokio::test]
async fn idle_connections_are_closed_after_the_configured_time() {
    let service = Service {
        keep_alive: Duration::from_secs(1),
        ..service(Gate::closed(), ServerLimits::internal(), Duration::ZERO, routes)
    };
    let running = service.start(Listeners::loopback().unwrap()).unwrap();
    let mut connection = TcpStream::connect(running.address()).await.unwrap();
    connection.write_all(&Request::get("/nothing").bytes()).await.unwrap();
    let mut answer = Vec::new();
    // Far earlier than by default.
    timeout(SOON, connection.read_to_end(&mut answer)).await.expect("the end").unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 404"), "{}", answer.escape_ascii());
}
