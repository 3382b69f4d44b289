//! Visitors that request a conversation's messages over 95 connections each and never read the responses.

use std::{
    collections::BTreeMap,
    fmt,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
    thread::JoinHandle,
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    task::JoinSet,
    time::{Instant, sleep_until, timeout_at},
};

use crate::pressure::client::connect;

/// Unread responses per address: within its limit of requests per minute.
const CONNECTIONS: u32 = 95;
/// Duration of the first ones: still twice the rate that an address's limit allows in the long run. The attackers share
/// the machine with their target, and 4,750 requests at once would measure how fast both are.
const BEGINNING: Duration = Duration::from_secs(10);
/// A little longer than the service's deadline for readers.
const PATIENCE: Duration = Duration::from_secs(11);

/// The attackers' responses by status; 0 where the connection closed without one.
#[derive(Default)]
pub(crate) struct Answers(BTreeMap<u16, usize>);

impl fmt::Display for Answers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let each: Vec<_> = self.0.iter().map(|(status, times)| format!("{times} × {status}")).collect();
        write!(f, "answered {}", each.join(", "))
    }
}

/// Attacks from this many addresses, each in a separate /24 and on a separate thread.
pub(crate) fn start(to: SocketAddr, request: String, addresses: u8, round: Duration) -> JoinHandle<Answers> {
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let answers = Arc::new(Mutex::new(Answers::default()));
            let end = Instant::now() + round;
            let mut calls = JoinSet::new();
            for address in 1..=addresses {
                for n in 0..CONNECTIONS {
                    let from = Ipv4Addr::new(127, 1, address, 1);
                    let begins = Instant::now() + BEGINNING * n / CONNECTIONS;
                    let calls_of_one = call(from, to, request.clone(), answers.clone(), end);
                    calls.spawn(async move {
                        sleep_until(begins).await;
                        calls_of_one.await;
                    });
                }
            }
            calls.join_all().await;
            std::mem::take(&mut *answers.lock().unwrap())
        })
    })
}

async fn call(from: Ipv4Addr, to: SocketAddr, request: String, answers: Arc<Mutex<Answers>>, end: Instant) {
    while Instant::now() < end {
        let until = end.min(Instant::now() + PATIENCE);
        let mut status = [0; 12];
        let asked = async {
            let mut connection = connect(from, to, Some(4096)).await?;
            connection.write_all(request.as_bytes()).await?;
            connection.read_exact(&mut status).await?;
            std::io::Result::Ok(connection)
        };
        let unread = timeout_at(end, asked).await;
        let status = str::from_utf8(&status).ok().and_then(|text| text.rsplit(' ').next()?.parse().ok());
        if let Ok(asked) = &unread {
            *answers.lock().unwrap().0.entry(status.filter(|_| asked.is_ok()).unwrap_or(0)).or_default() += 1;
        }
        sleep_until(until).await;
    }
}
