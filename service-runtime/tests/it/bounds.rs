//! Bounds on what one client can take from a service: memory of responses and requests, connections, and time. The
//! clients here do not read, do not finish, or do not stop.

mod answers;
mod requests;

use std::{net::SocketAddr, time::Duration};

use serde::{Deserialize, Serialize};
use service_runtime::{
    Listeners, RequestContext, Reservation, RouteTable, Routes as _, Running, server::ServerLimits,
};
use shared_types::{Endpoint, endpoint, orchestrator::NoParameters};
use test_support::{
    http::{self, Request},
    smallest_service::{Gate, Never, Open, Wait, service},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    sync::mpsc,
    time::timeout,
};

/// Longer than any deadline in these tests.
const SOON: Duration = Duration::from_secs(20);
/// More than the kernel's buffers hold.
const LARGE: usize = 512 * 1024;

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Size {
    size: usize,
}

#[derive(Debug, Serialize, Deserialize)]
struct Text {
    text: String,
}

endpoint! {
    /// `GET`: a text of this many bytes, with memory reserved for it.
    struct Read: "read" = GET "/v1/Read";
    path: NoParameters;
    request: Size;
    response: 200 => Text;
    idempotent: true;
    errors: [];
}

#[derive(Clone)]
struct State {
    /// The size of each response that was made, and 0 when its memory was released.
    reserved: mpsc::UnboundedSender<usize>,
    gate: Gate,
}

#[derive(Debug)]
struct Reserved(mpsc::UnboundedSender<usize>);

impl Reservation for Reserved {
    fn resize(&mut self, bytes: usize) {
        self.0.send(bytes).unwrap();
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        let _ = self.0.send(0);
    }
}

async fn read(
    state: &State,
    call: &mut RequestContext<'_>,
    _: NoParameters,
    Size { size }: Size,
) -> Result<Text, Never> {
    call.reserve(Reserved(state.reserved.clone()));
    Ok(Text { text: "x".repeat(size) })
}

async fn wait(
    state: &State,
    _: &mut RequestContext<'_>,
    _: NoParameters,
    _: NoParameters,
) -> Result<NoParameters, Never> {
    state.gate.pass().await
}

fn routes(table: RouteTable<State, Open>) -> RouteTable<State, Open> {
    table.on::<Read, _, _>(read).on::<Wait, _, _>(wait)
}

struct Started {
    running: Running,
    state: State,
    reservations: mpsc::UnboundedReceiver<usize>,
}

impl Started {
    fn address(&self) -> SocketAddr {
        self.running.address()
    }

    async fn next_reservation(&mut self) -> usize {
        timeout(SOON, self.reservations.recv()).await.expect("a change of a reservation").unwrap()
    }
}

fn start(limits: ServerLimits) -> Started {
    let (reserved, reservations) = mpsc::unbounded_channel();
    let state = State { reserved, gate: Gate::closed() };
    let service = service(state.clone(), limits, Duration::ZERO, routes);
    Started { running: service.start(Listeners::loopback().unwrap()).unwrap(), state, reservations }
}

/// A connection with a small receive buffer, so that the kernel takes little unread data.
async fn connect(address: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.connect(address).await.unwrap()
}

async fn request_text(address: SocketAddr, size: usize) -> TcpStream {
    let mut connection = connect(address).await;
    let request = Request::get(&format!("{}?size={size}", Read::PATH));
    connection.write_all(&request.bytes()).await.unwrap();
    connection
}

/// Reads until the connection ends, with `pause` after each read; returns the number of bytes, and whether it was
/// reset.
async fn read_to_end(connection: &mut TcpStream, pause: Duration) -> (usize, bool) {
    let (mut total, mut buffer) = (0, vec![0; 1024]);
    loop {
        match timeout(SOON, connection.read(&mut buffer)).await.expect("the connection ends") {
            Ok(0) => return (total, false),
            Ok(read) => total += read,
            Err(_) => return (total, true),
        }
        tokio::time::sleep(pause).await;
    }
}
