//! A peer that misbehaves as scripted: it reads each request whole, records it, and then runs the next act of its
//! script, byte by byte. Correct behaviour is never scripted: tests use the real services for that.

#![allow(dead_code, reason = "each test crate has other misfortunes")]

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use service_runtime::Running;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
};

/// The reaction to a request that was read.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// Sends these bytes and closes the connection.
    Send(Vec<u8>),
    /// Sends these bytes and waits for the next request on the same connection.
    SendAndKeepAlive(Vec<u8>),
    /// Sends the first bytes, and then the second ones repeatedly until the client closes.
    SendEndlessly(Vec<u8>, Vec<u8>),
    /// Sends these bytes, and then nothing more, but keeps the connection open.
    SendAndStall(Vec<u8>),
    /// Closes the connection without a response.
    Close,
}

impl Act {
    /// A well-formed HTTP response with a JSON body.
    pub(crate) fn json(status: u16, body: &str) -> Self {
        Self::Send(answer(status, "content-type: application/json\r\n", body))
    }

    /// Reads the request and never responds.
    pub(crate) fn never_respond() -> Self {
        Self::SendAndStall(Vec::new())
    }
}

/// The bytes of an HTTP response; each line of `headers` ends with its line break. It has `Connection: close`, or the
/// client's next request would meet a closing connection.
pub(crate) fn answer(status: u16, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "HTTP/1.1 {status} As Scripted\r\n{headers}connection: close\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// A peer with a script.
pub(crate) struct ScriptedPeer {
    /// Its address.
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<String>>>,
    connections: Arc<AtomicUsize>,
}

impl ScriptedPeer {
    /// A peer that runs the next act for each request, and repeats the last one.
    pub(crate) async fn with(script: Vec<Act>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let connections = Arc::new(AtomicUsize::new(0));
        let (noted, counted, script) = (seen.clone(), connections.clone(), Arc::new(script));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(play(stream, script.clone(), noted.clone()));
            }
        });
        Self { address, seen, connections }
    }

    /// A peer that reacts the same to every request.
    pub(crate) async fn that(act: Act) -> Self {
        Self::with(vec![act]).await
    }

    /// Its base URL.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The recorded requests, head and body.
    pub(crate) fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }

    /// How many connections it has accepted.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// The value of a header in the recorded request with this index.
    pub(crate) fn header_seen(&self, request: usize, name: &str) -> Option<String> {
        let head = self.seen().get(request)?.split("\r\n\r\n").next()?.to_owned();
        head.lines().skip(1).find_map(|line| {
            let (known, value) = line.split_once(": ")?;
            known.eq_ignore_ascii_case(name).then(|| value.to_owned())
        })
    }
}

/// A reserved loopback port without a listener, for as long as this value lives.
pub(crate) struct ClosedPort {
    /// The reserved address.
    pub(crate) address: SocketAddr,
    _taken: TcpSocket,
}

impl ClosedPort {
    /// Binds a port without listening.
    pub(crate) fn reserve() -> Self {
        let taken = TcpSocket::new_v4().unwrap();
        taken.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        Self { address: taken.local_addr().unwrap(), _taken: taken }
    }

    /// Its base URL.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

/// Kills a service with one worker and waits until its connections are closed, which happens after the kill returns.
pub(crate) async fn kill(running: Running) {
    let mut witness = TcpStream::connect(running.address()).await.unwrap();
    witness.write_all(b"GET / HTTP/1.1\r\nhost: service\r\n\r\n").await.unwrap();
    assert_ne!(
        witness.read_buf(&mut Vec::new()).await.unwrap(),
        0,
        "the connection is accepted by the worker"
    );
    running.kill().await;
    // End of file, or a reset.
    let _ = witness.read_to_end(&mut Vec::new()).await;
}

async fn play(mut stream: TcpStream, script: Arc<Vec<Act>>, seen: Arc<Mutex<Vec<String>>>) {
    while let Some(request) = read_request(&mut stream).await {
        let act = {
            let mut seen = seen.lock().unwrap();
            let act = script.get(seen.len()).or(script.last()).cloned();
            seen.push(request);
            act
        };
        // Some acts make the client give up, so writes may fail.
        match act {
            None | Some(Act::Close) => return,
            Some(Act::Send(bytes)) => {
                let _ = stream.write_all(&bytes).await;
                return;
            }
            Some(Act::SendAndKeepAlive(bytes)) => {
                let _ = stream.write_all(&bytes).await;
            }
            Some(Act::SendEndlessly(first, again)) => {
                let _ = stream.write_all(&first).await;
                while stream.write_all(&again).await.is_ok() {}
                return;
            }
            Some(Act::SendAndStall(bytes)) => {
                let _ = stream.write_all(&bytes).await;
                // Until the client closes.
                let _ = stream.read(&mut [0; 1]).await;
                return;
            }
        }
    }
}

/// One request, head and body; `None` when the client has closed the connection.
async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let announced = head
                .lines()
                .find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= announced.unwrap_or(0) {
                return Some(text);
            }
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}
