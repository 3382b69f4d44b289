//! A measurement: messages of the desk, at 1,000 a second, without a webhook, with a healthy endpoint and
//! with one that is down and has the most events waiting that are kept.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use shared_types::{ConversationSid, Identity};
use test_support::scripted_peer::{ClosedPort, ScriptedPeer};
use tokio::{task::JoinSet, time::interval};

use super::{accept, stack};
use crate::desk::{self, KEY, Stack, opened};

const PER_SECOND: u32 = 1000;
const CONVERSATIONS: u128 = 100;
const CONNECTIONS: usize = 32;
const ROUNDS: usize = 3;

/// The bound of the outbox.
const MOST: i64 = 1_000_000;

struct Round {
    per_second: f64,
    p50: Duration,
    p99: Duration,
}

/// Opens conversations, in a range of its own for each call.
async fn open(stack: &Stack, first: u128) {
    let store = stack.store().await;
    for number in first..first + CONVERSATIONS {
        opened(&store, number, Identity::from_random([1; 16]), None, &stack.clock).await;
    }
}

/// Writes messages for these seconds.
async fn write(stack: &Stack, first: u128, seconds: u32) -> Round {
    let client = service_runtime::client::http_client().build().unwrap();
    let next = Arc::new(AtomicUsize::new(0));
    let total = (PER_SECOND * seconds) as usize;
    let begin = Instant::now();
    let mut connections = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let (client, next, desk) = (client.clone(), next.clone(), stack.desk());
        connections.spawn(async move {
            let mut latencies = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::SeqCst);
                if number >= total {
                    return latencies;
                }
                // Each message has its time; a late one does not delay the next.
                let due = begin + Duration::from_secs(1) * number as u32 / PER_SECOND;
                tokio::time::sleep_until(due.into()).await;
                let conversation = ConversationSid::from_bits(first + number as u128 % CONVERSATIONS);
                let answer = client
                    .post(format!("http://{desk}/v1/Conversations/{conversation}/Messages"))
                    .basic_auth(KEY.0, Some(KEY.1))
                    .header("content-type", "application/x-www-form-urlencoded")
                    .body("Author=Zoe&Body=It+is+on+its+way.")
                    .send()
                    .await
                    .unwrap();
                assert_eq!(answer.status(), 201);
                drop(answer.bytes().await);
                latencies.push(due.elapsed());
            }
        });
    }
    let mut latencies = connections.join_all().await.concat();
    latencies.sort();
    let per_second = total as f64 / begin.elapsed().as_secs_f64();
    let at = |share: usize| latencies[(latencies.len() * share / 100).min(latencies.len() - 1)];
    Round { per_second, p50: at(50), p99: at(99) }
}

/// An endpoint that has been down for an hour: it is probed, and the most events wait.
fn fill(stack: &Stack, url: &str) {
    let endpoint = conversations::EndpointId::new(desk::ACCOUNT, url);
    let database = rusqlite::Connection::open(stack.data.path().join("conversations.db")).unwrap();
    let now = stack.clock.now().timestamp_millis();
    database
        .execute(
            "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ?3) \
             INSERT INTO webhook_events SELECT ?1, 'CH' || printf('%032x', 1000000 + n % 5000), n / 5000, \
             'AC00000000000000000000000000000001', 'message.added', NULL, ?2 - 3600000 + n / 1000, \
             ?2 - 3600000 + n / 1000, 0, CASE WHEN n < 5000 THEN ?2 ELSE 9223372036854775807 END, \
             9223372036854775807, 'pending' FROM n",
            (endpoint.as_str(), now, MOST),
        )
        .unwrap();
    database
        .execute(
            "INSERT OR REPLACE INTO webhook_endpoints VALUES (?1, 20, ?2)",
            (endpoint.as_str(), now + 300_000),
        )
        .unwrap();
}

fn count(stack: &Stack, state: &str) -> i64 {
    let database = rusqlite::Connection::open(stack.data.path().join("conversations.db")).unwrap();
    let count = "SELECT COUNT(*) FROM webhook_events WHERE state = ?1";
    database.query_row(count, [state], |row| row.get(0)).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement: bench/webhooks"]
#[expect(clippy::disallowed_methods, reason = "a test reads no settings through config.rs")]
async fn a_thousand_messages_a_second() {
    let seconds = std::env::var("WEBHOOK_SECONDS").map_or(20, |text| text.parse().unwrap());
    let receiver = ScriptedPeer::that(accept()).await;
    let closed = ClosedPort::reserve();
    let down_url = format!("{}/", closed.url());
    let stacks = [
        ("no webhook", Stack::with_accounts(&desk::accounts(), |_| {}).await),
        ("a healthy endpoint", stack(&receiver.url()).await),
        ("an endpoint that is down", stack(&down_url).await),
    ];
    fill(&stacks[2].1, &down_url);
    let mut rounds: Vec<Vec<Round>> = stacks.iter().map(|_| Vec::new()).collect();
    for round in 0..ROUNDS {
        for ((_, stack), rounds) in stacks.iter().zip(&mut rounds) {
            let first = 1 + round as u128 * CONVERSATIONS;
            open(stack, first).await;
            rounds.push(write(stack, first, seconds).await);
        }
    }
    let median = |mut values: Vec<f64>| {
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    let of = |rounds: &[Round], value: fn(&Round) -> f64| median(rounds.iter().map(value).collect());
    let without = of(&rounds[0], |round| round.per_second);
    for ((name, _), rounds) in stacks.iter().zip(&rounds) {
        let per_second = of(rounds, |round| round.per_second);
        let ms = |value: fn(&Round) -> f64| of(rounds, value);
        println!(
            "{name}: {per_second:.0} messages/s ({:.3}), p50 {:.1} ms, p99 {:.1} ms",
            per_second / without,
            ms(|round| round.p50.as_secs_f64() * 1000.0),
            ms(|round| round.p99.as_secs_f64() * 1000.0),
        );
    }
    println!("received: {} of {}", receiver.seen().len(), ROUNDS * PER_SECOND as usize * seconds as usize);
    // The bound is enforced every minute.
    let down = &stacks[2].1;
    let mut ticks = interval(Duration::from_secs(1));
    let begin = Instant::now();
    while count(down, "pending") > MOST && begin.elapsed() < Duration::from_secs(120) {
        ticks.tick().await;
    }
    println!("down: {} pending, {} failed", count(down, "pending"), count(down, "failed"));
}
