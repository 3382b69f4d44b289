//! Three times as many requests as the services can answer, at a constant rate (open loop). The services run on one
//! processor and the sender on another.

use std::{
    collections::VecDeque,
    net::{Ipv4Addr, SocketAddr},
    rc::Rc,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use rustix::thread::{CpuSet, sched_setaffinity};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::Notify,
    task::LocalSet,
    time::interval,
};

use crate::pressure::{client::connect, guest::Latencies};

/// Number of connections, each from another address.
const CONNECTIONS: u16 = 1536;

/// Pins the calling thread and its future children to one processor, if there are several.
pub(crate) fn use_processor(number: usize) {
    let mut processors = CpuSet::new();
    processors.set(number);
    // If pinning is not permitted, the services and the sender share all processors.
    let _ = sched_setaffinity(None, &processors);
}

/// The responses by outcome.
pub(crate) struct Answers {
    pub(crate) accepted: Latencies,
    pub(crate) refused: Latencies,
    /// Requests that were due while every connection waited for a response.
    pub(crate) unsent: usize,
    pub(crate) seconds: f64,
}

impl Answers {
    /// Accepted requests per second.
    pub(crate) fn throughput(&self) -> f64 {
        self.accepted.len() as f64 / self.seconds
    }
}

#[derive(Default)]
struct Collected {
    accepted: Vec<Duration>,
    refused: Vec<Duration>,
}

/// Closed loop: sends requests back to back over this many connections; returns the service's throughput.
pub(crate) async fn closed_loop(to: SocketAddr, request: &str, connections: u16, time: Duration) -> Answers {
    let sender = Sender::connect(to, request, connections).await;
    let local = LocalSet::new();
    for connection in sender.idle.lock().unwrap().drain(..) {
        let (request, collected) = (sender.request.clone(), sender.collected.clone());
        local.spawn_local(async move {
            let (mut connection, end) = (connection, Instant::now() + time);
            while Instant::now() < end {
                call(&mut connection, &request, &collected).await;
            }
        });
    }
    local.await;
    sender.answers(0, time)
}

/// Open loop: sends `rate` requests per second, whatever the responses.
pub(crate) async fn open_loop(to: SocketAddr, request: &str, rate: f64, time: Duration) -> Answers {
    let sender = Rc::new(Sender::connect(to, request, CONNECTIONS).await);
    let unsent = LocalSet::new().run_until(sender.clone().send(rate, time)).await;
    sender.answers(unsent, time)
}

struct Sender {
    request: Arc<str>,
    /// Idle connections, the least recently used first, so that none times out.
    idle: Mutex<VecDeque<TcpStream>>,
    collected: Arc<Mutex<Collected>>,
    returned: Notify,
}

impl Sender {
    async fn connect(to: SocketAddr, request: &str, connections: u16) -> Self {
        let mut idle = VecDeque::new();
        for n in 0..connections {
            let [high, low] = n.to_be_bytes();
            idle.push_back(connect(Ipv4Addr::new(127, 3 + high, low, 1), to, None).await.unwrap());
        }
        Self {
            request: request.replace("connection: close\r\n", "").into(),
            idle: Mutex::new(idle),
            collected: Arc::default(),
            returned: Notify::new(),
        }
    }

    async fn send(self: Rc<Self>, rate: f64, time: Duration) -> usize {
        let (began, mut due, mut unsent, mut sent) = (Instant::now(), 0.0, 0, 0);
        let mut ticks = interval(Duration::from_millis(1));
        while began.elapsed() < time {
            ticks.tick().await;
            while due < began.elapsed().as_secs_f64() * rate {
                due += 1.0;
                let Some(mut connection) = self.idle.lock().unwrap().pop_front() else {
                    unsent += 1;
                    continue;
                };
                sent += 1;
                let sender = self.clone();
                tokio::task::spawn_local(async move {
                    call(&mut connection, &sender.request, &sender.collected).await;
                    sender.idle.lock().unwrap().push_back(connection);
                    sender.returned.notify_one();
                });
            }
        }
        while self.collected.lock().unwrap().count() < sent {
            self.returned.notified().await;
        }
        unsent
    }

    fn answers(&self, unsent: usize, time: Duration) -> Answers {
        let Collected { accepted, refused } = std::mem::take(&mut *self.collected.lock().unwrap());
        Answers {
            accepted: Latencies::new(accepted),
            refused: Latencies::new(refused),
            unsent,
            seconds: time.as_secs_f64(),
        }
    }
}

impl Collected {
    fn count(&self) -> usize {
        self.accepted.len() + self.refused.len()
    }
}

/// One request over a kept connection. The responses here are small.
async fn call(connection: &mut TcpStream, request: &str, collected: &Mutex<Collected>) {
    let called = Instant::now();
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::with_capacity(2048);
    while !is_whole(&answer) {
        assert!(connection.read_buf(&mut answer).await.unwrap() > 0, "the service closed a connection");
    }
    let took = called.elapsed();
    let mut collected = collected.lock().unwrap();
    match answer.get(9..12) {
        Some(b"200") => collected.accepted.push(took),
        Some(b"503") => collected.refused.push(took),
        _ => panic!("{}", String::from_utf8_lossy(&answer)),
    }
}

fn is_whole(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    length.is_some_and(|length| length.parse() == Ok(body.len()))
}
