//! A measurement: messages of the desk, at 1,000 a second, then of the desk and of guests as fast as possible; without a
//! webhook, with a healthy endpoint, and with one that is down and has the most events waiting that are kept.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use shared_types::{ConversationSid, Identity};
use test_support::scripted_peer::{ClosedPort, ScriptedPeer};
use tokio::{task::JoinSet, time::interval};

use super::{SECRET, accept, accounts};
use crate::desk::{self, KEY, Stack, opened};
use crate::pressure::report::figure;

const PER_SECOND: u32 = 1000;
const CONVERSATIONS: u128 = 100;
const CONNECTIONS: usize = 32;
const ROUNDS: usize = 3;
/// More than any service answers.
const UNLIMITED: u32 = 1_000_000;
/// Messages of a round as fast as possible.
const MANY: usize = 5000;

/// The bound of the outbox.
const MOST: i64 = 1_000_000;

struct Round {
    per_second: f64,
    p50: Duration,
    p99: Duration,
}

/// The services, whose limits are only logged.
async fn unlimited(accounts: &str) -> Stack {
    let accounts = accounts.replace(
        "creates_per_minute = 100000 }",
        "creates_per_minute = 100000, mode = \"log\" }\nguest_bytes_per_hour = 4000000000",
    );
    Stack::with_accounts(&accounts, |config| {
        std::fs::write(config.accounts_file.with_file_name("hook-secret"), SECRET).unwrap();
    })
    .await
}

/// A request that adds a message to a conversation.
struct Message {
    url: String,
    authorization: String,
    content_type: &'static str,
    body: &'static str,
}

/// Messages of the desk in new conversations.
async fn of_desk(stack: &Stack, first: u128) -> Arc<Vec<Message>> {
    let (store, mut messages) = (stack.store().await, Vec::new());
    for number in first..first + CONVERSATIONS {
        opened(&store, number, Identity::from_random([1; 16]), None, &stack.clock).await;
        let conversation = ConversationSid::from_bits(number);
        messages.push(Message {
            url: format!("http://{}/v1/Conversations/{conversation}/Messages", stack.desk()),
            authorization: format!("Basic {}", STANDARD.encode(format!("{}:{}", KEY.0, KEY.1))),
            content_type: "application/x-www-form-urlencoded",
            body: "Author=Zoe&Body=It+is+on+its+way.",
        });
    }
    messages.into()
}

/// Messages of guests in new conversations.
async fn of_guests(stack: &Stack) -> Arc<Vec<Message>> {
    let mut messages = Vec::new();
    for _ in 0..CONVERSATIONS {
        let guest = stack.guest().await;
        messages.push(Message {
            url: format!("http://{}/v2/WebChannels/{}/Messages", stack.public(), guest.conversation),
            authorization: format!("Bearer {}", guest.token),
            content_type: "application/json",
            body: r#"{"body":"Where is my order?"}"#,
        });
    }
    messages.into()
}

/// Sends so many messages, in turn.
async fn write(messages: &Arc<Vec<Message>>, per_second: u32, total: usize) -> Round {
    let client = service_runtime::client::http_client().build().unwrap();
    let next = Arc::new(AtomicUsize::new(0));
    let begin = Instant::now();
    let mut connections = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let (client, next, messages) = (client.clone(), next.clone(), messages.clone());
        connections.spawn(async move {
            let mut latencies = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::SeqCst);
                if number >= total {
                    return latencies;
                }
                // Each message has its time; a late one does not delay the next.
                let due = begin + Duration::from_secs(1) * number as u32 / per_second;
                tokio::time::sleep_until(due.into()).await;
                let message = &messages[number % messages.len()];
                let request = client.post(&message.url).header("authorization", &message.authorization);
                let request = request.header("content-type", message.content_type).body(message.body);
                let answer = request.send().await.unwrap();
                assert!(answer.status().is_success(), "{}", answer.status());
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
#[ignore = "a measurement: bench/run desk"]
#[expect(clippy::disallowed_methods, reason = "a test reads no settings through config.rs")]
async fn messages_both_ways() {
    let seconds = std::env::var("WEBHOOK_SECONDS").map_or(5, |text| text.parse().unwrap());
    let receiver = ScriptedPeer::that(accept()).await;
    let closed = ClosedPort::reserve();
    let down_url = format!("{}/", closed.url());
    let stacks = [
        ("no webhook", unlimited(&desk::accounts()).await),
        ("a healthy endpoint", unlimited(&accounts(&receiver.url())).await),
        ("an endpoint that is down", unlimited(&accounts(&down_url)).await),
    ];
    fill(&stacks[2].1, &down_url);
    let mut rounds: Vec<[Vec<Round>; 3]> = stacks.iter().map(|_| Default::default()).collect();
    for round in 0..ROUNDS {
        for ((_, stack), [at_rate, of_the_desk, of_the_guests]) in stacks.iter().zip(&mut rounds) {
            let messages = of_desk(stack, 1 + round as u128 * CONVERSATIONS).await;
            at_rate.push(write(&messages, PER_SECOND, (PER_SECOND * seconds) as usize).await);
            of_the_desk.push(write(&messages, UNLIMITED, MANY).await);
            of_the_guests.push(write(&of_guests(stack).await, UNLIMITED, MANY).await);
        }
    }
    let of = |rounds: &[Round], value: fn(&Round) -> f64| {
        let mut values: Vec<_> = rounds.iter().map(value).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    for ((name, _), [at_rate, of_the_desk, of_the_guests]) in stacks.iter().zip(&rounds) {
        let per_second = |round: &Round| round.per_second;
        figure(&format!("{name}: messages of the desk"), of(of_the_desk, per_second), "/s", None);
        figure(&format!("{name}: messages of guests"), of(of_the_guests, per_second), "/s", None);
        let at = format!("{name}, {PER_SECOND} messages of the desk a second");
        figure(&format!("{at}: p50"), of(at_rate, |round| round.p50.as_secs_f64() * 1000.0), "ms", None);
        figure(&format!("{at}: p99"), of(at_rate, |round| round.p99.as_secs_f64() * 1000.0), "ms", None);
    }
    println!("received: {}", receiver.seen().len());
    // The bound is enforced every minute.
    let down = &stacks[2].1;
    let mut ticks = interval(Duration::from_secs(1));
    let begin = Instant::now();
    while count(down, "pending") > MOST && begin.elapsed() < Duration::from_secs(120) {
        ticks.tick().await;
    }
    println!("down: {} pending, {} failed", count(down, "pending"), count(down, "failed"));
}
