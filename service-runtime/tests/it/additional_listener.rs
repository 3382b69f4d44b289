//! An additional listener: its own routes, policy and limits, with the state, the metrics and the shutdown of the service.

use std::{net::SocketAddr, time::Duration};

use service_runtime::{
    Listeners, RequestContext, RouteTable, Routes as _, Running,
    server::{ANY_PORT, AdditionalListener, ServerLimits, Service, bind},
};
use shared_types::{Endpoint, endpoint, orchestrator::NoParameters};
use test_support::{
    http::Request,
    smallest_service::{Gate, Never, Open, Wait, service},
};
use tokio::{net::TcpStream, time::timeout};

use crate::strict::{Read, listener, path, request};

const SOON: Duration = Duration::from_secs(5);

endpoint! {
    /// An endpoint of the service's own listener only.
    struct Own: "own" = POST "/v1/Own";
    path: NoParameters;
    request: NoParameters;
    response: 200 => NoParameters;
    idempotent: false;
    errors: [];
}

async fn pass(
    gate: &Gate,
    _: &mut RequestContext<'_>,
    _: NoParameters,
    _: NoParameters,
) -> Result<NoParameters, Never> {
    gate.pass().await
}

/// The service, the address of its additional listener, and the gate of both.
fn start(requests_per_worker: usize) -> (Running, SocketAddr, Gate) {
    let gate = Gate::closed();
    let routes = |table: RouteTable<Gate, Open>| table.on::<Own, _, _>(pass);
    let additional = AdditionalListener::new(bind(ANY_PORT).unwrap(), listener(requests_per_worker));
    let service = Service {
        additional: vec![additional],
        ..service(gate.clone(), ServerLimits::internal(), Duration::ZERO, routes)
    };
    let running = service.start(Listeners::loopback().unwrap()).unwrap();
    let [additional] = running.additional_addresses().try_into().unwrap();
    (running, additional, gate)
}

async fn refuses_connections(address: SocketAddr) {
    let refused = async { while TcpStream::connect(address).await.is_ok() {} };
    timeout(SOON, refused).await.expect("a stopping service accepts no new connections");
}

#[tokio::test]
async fn each_listener_serves_its_own_routes_and_policy() {
    let (running, additional, gate) = start(1);
    gate.release(1);
    assert_eq!(Request::post(Own::PATH).send(running.address()).await.status, 200);
    Request::get(&path()).send(running.address()).await.is_refusal(404, "not_found");
    assert_eq!(request("GET", &path()).send(additional).await.status, 200);
    assert_eq!(request("POST", Own::PATH).send(additional).await.status, 404);
    assert_eq!(Request::get(&path()).send(additional).await.status, 401);
    assert_eq!(request("GET", "/readyz").send(additional).await.status, 404);
    let metrics = Request::get("/metrics").send(running.admin_address).await.text;
    let counted =
        format!(r#"http_requests_total{{method="GET",route="{}",status="200",code=""}} 1"#, Read::PATH);
    assert!(metrics.contains(&counted), "{metrics}");
}

#[tokio::test]
async fn each_listener_sheds_by_its_own_limit() {
    let (running, additional, gate) = start(1);
    let own = running.address();
    let first = tokio::spawn(async move { request("POST", Wait::PATH).send(additional).await });
    gate.arrived(1).await;
    assert_eq!(request("POST", Wait::PATH).send(additional).await.status, 503);
    let second = tokio::spawn(async move { Request::post(Own::PATH).send(own).await });
    gate.arrived(1).await;
    gate.release(2);
    assert_eq!((first.await.unwrap().status, second.await.unwrap().status), (200, 200));
}

#[tokio::test]
async fn both_listeners_drain_at_the_same_time_and_before_the_admin_listener() {
    let (running, additional, gate) = start(usize::MAX);
    let (own, admin) = (running.address(), running.admin_address);
    let requests = [
        tokio::spawn(async move { Request::post(Own::PATH).send(own).await }),
        tokio::spawn(async move { request("POST", Wait::PATH).send(additional).await }),
    ];
    gate.arrived(2).await;
    let stop = tokio::spawn(running.stop());
    for address in [own, additional] {
        refuses_connections(address).await;
    }
    assert_eq!(Request::get("/readyz").send(admin).await.status, 503, "still served");
    assert!(!stop.is_finished(), "the requests are still in flight");
    gate.release(2);
    for request in requests {
        assert_eq!(request.await.unwrap().status, 200);
    }
    timeout(SOON, stop).await.expect("shutdown completes").unwrap();
    refuses_connections(admin).await;
}
