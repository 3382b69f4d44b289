//! A server that misbehaves by a script: it reads each request completely, records it, and performs the next act, byte by
//! byte. It never imitates correct behaviour: tests use the real services for that.

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

/// The reaction to a request.
#[derive(Clone, Debug)]
pub enum Act {
    /// Sends these bytes and closes the connection.
    Send(Vec<u8>),
    /// Sends these bytes and waits for the next request on the same connection.
    SendAndKeepAlive(Vec<u8>),
    /// Sends the first bytes, then the second ones repeatedly until the caller closes.
    SendEndlessly(Vec<u8>, Vec<u8>),
    /// Sends these bytes, then nothing, and keeps the connection open.
    SendAndStall(Vec<u8>),
    /// Closes the connection without an answer.
    Close,
}

impl Act {
    /// A well-formed HTTP answer with a JSON body.
    pub fn json(status: u16, body: &str) -> Self {
        Self::Send(answer(status, "content-type: application/json\r\n", body))
    }

    /// Never answers, and keeps the connection open.
    pub fn never_respond() -> Self {
        Self::SendAndStall(Vec::new())
    }
}

/// The bytes of an HTTP answer; each line of `headers` ends with its line break. `Connection: close` keeps the caller from
/// sending its next request on a connection that is closing.
pub fn answer(status: u16, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "HTTP/1.1 {status} As Scripted\r\n{headers}connection: close\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// A running scripted server.
pub struct ScriptedPeer {
    /// The listening address.
    pub address: SocketAddr,
    seen: Arc<Mutex<Vec<String>>>,
    connections: Arc<AtomicUsize>,
}

impl ScriptedPeer {
    /// Performs the next act for each request, and repeats the last one.
    pub async fn with(script: Vec<Act>) -> Self {
        Self::listening(TcpListener::bind("127.0.0.1:0").await.unwrap(), script)
    }

    /// Listens on a reserved port, and performs the same act for every request.
    pub async fn at(port: ClosedPort, act: Act) -> Self {
        Self::listening(port.taken.listen(64).unwrap(), vec![act])
    }

    fn listening(listener: TcpListener, script: Vec<Act>) -> Self {
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

    /// Performs the same act for every request.
    pub async fn that(act: Act) -> Self {
        Self::with(vec![act]).await
    }

    /// Its base URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The requests so far, head and body.
    pub fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }

    /// The number of connections so far.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// The value of a header in the request with this index.
    pub fn header_seen(&self, request: usize, name: &str) -> Option<String> {
        let head = self.seen().get(request)?.split("\r\n\r\n").next()?.to_owned();
        head.lines().skip(1).find_map(|line| {
            let (known, value) = line.split_once(": ")?;
            known.eq_ignore_ascii_case(name).then(|| value.to_owned())
        })
    }
}

/// A loopback port that is reserved while this is kept, and on which nothing listens.
pub struct ClosedPort {
    /// The reserved address.
    pub address: SocketAddr,
    taken: TcpSocket,
}

impl ClosedPort {
    /// Reserves a port.
    pub fn reserve() -> Self {
        let taken = TcpSocket::new_v4().unwrap();
        taken.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        Self { address: taken.local_addr().unwrap(), taken }
    }

    /// Its base URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

/// Kills a service with one worker and waits until its connections are closed: `Running::kill` returns before that.
pub async fn kill(running: Running) {
    let mut witness = TcpStream::connect(running.address()).await.unwrap();
    witness.write_all(b"GET / HTTP/1.1\r\nhost: service\r\n\r\n").await.unwrap();
    assert_ne!(witness.read_buf(&mut Vec::new()).await.unwrap(), 0, "the connection is served");
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
        // Some acts outlast the caller's timeout: writes may fail.
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

/// One request, head and body; `None` once the caller has closed the connection.
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
