//! Visitors that request responses and do not read them, from one address and from fifty, directly and through
//! Starship, while a well-behaved guest is served. The orchestrator is a separate process, whose memory the kernel
//! measures.
//!
//! A round takes 12 s, longer than the deadline of an unread response; `PRESSURE_SECONDS` makes it longer.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test that panics has failed, as it should; its figures are for people, and how long it takes is no setting"
)]

mod attack;
mod client;
mod guest;
mod overload;
pub(crate) mod report;
mod stack;
mod waiting;

use std::{env, path::Path, process::Command, time::Duration};

use report::figure;
use stack::{Conversation, LIMITED, ORCHESTRATOR, Stack, UNLIMITED};
use tokio::runtime::Builder;

/// The orchestrator's memory limit in compose and Kubernetes when this attack had it killed.
const MEMORY: u64 = 128 << 20;
/// Messages of the conversation that the attackers request; a page is full with 8.
const MESSAGES: u8 = if cfg!(debug_assertions) { 20 } else { 199 };
/// Maximum latency of the well-behaved guest.
const PROMPT: Duration = Duration::from_millis(100);
/// Percentage of its requests that must meet the maximum. The attack exceeds what an unoptimised build can answer, so a
/// guest sometimes waits longer or is turned away; the release build has to meet it.
const PERCENT: usize = if cfg!(debug_assertions) { 50 } else { 99 };
/// Set inside the network namespace.
const INSIDE: &str = "PRESSURE_INSIDE";

#[test]
fn unread_answers_neither_kill_the_service_nor_delay_other_guests() {
    if env::var_os(INSIDE).is_none() {
        return run_in_a_namespace("unread_answers_neither_kill_the_service_nor_delay_other_guests");
    }
    let seconds = env::var("PRESSURE_SECONDS").map_or(12, |seconds| seconds.parse().unwrap());
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(attack_each_way(Duration::from_secs(seconds)));
}

/// Overload: the contract's figures apply to an otherwise idle machine.
#[test]
#[ignore = "a measurement: bench/run overload"]
fn overload_is_shed_at_once_and_recovers() {
    if env::var_os(INSIDE).is_none() {
        return run_in_a_namespace("overload_is_shed_at_once_and_recovers");
    }
    let seconds = env::var("PRESSURE_SECONDS").map_or(30, |seconds| seconds.parse().unwrap());
    overload::use_processor(0);
    // Its thread runs the services' own tasks while the other runtime sends.
    let runtime_of_stack = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (_stack, Conversation { path, token }) = runtime_of_stack.block_on(async {
        let stack = Stack::start(1).await;
        let conversation = stack.conversation(UNLIMITED, 0).await;
        (stack, conversation)
    });
    overload::use_processor(1);
    let sender = Builder::new_current_thread().enable_all().build().unwrap();
    sender.block_on(overload_and_recover(&client::get(&path, &token), Duration::from_secs(seconds)));
}

/// Guests that wait.
#[test]
#[ignore = "a measurement: bench/run waiting"]
fn ten_thousand_guests_wait() {
    if env::var_os(INSIDE).is_none() {
        return run_in_a_namespace("ten_thousand_guests_wait");
    }
    let seconds = env::var("PRESSURE_SECONDS").map_or(20, |seconds| seconds.parse().unwrap());
    let runtime_of_stack = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let mut stack = runtime_of_stack.block_on(Stack::start(2));
    let guests = Builder::new_current_thread().enable_all().build().unwrap();
    guests.block_on(waiting::measure(&mut stack, Duration::from_secs(seconds)));
}

async fn overload_and_recover(request: &str, time: Duration) {
    let second = Duration::from_secs(1);
    overload::closed_loop(ORCHESTRATOR, request, 64, second).await;
    let capacity = overload::closed_loop(ORCHESTRATOR, request, 64, 3 * second).await.throughput();
    println!("capacity: {capacity:.0} calls a second");
    let describe = |name: &str, answers: &overload::Answers| {
        println!(
            "{name}: {:.0} accepted a second ({:.2} of the capacity), p50 {:.1?}, p99 {:.1?}; {:.0} refused a second, p99 {:.1?}; {} not sent",
            answers.throughput(),
            answers.throughput() / capacity,
            answers.accepted.percentile(50),
            answers.accepted.percentile(99),
            answers.refused.len() as f64 / answers.seconds,
            answers.refused.percentile(99),
            answers.unsent,
        );
    };
    let before = overload::open_loop(ORCHESTRATOR, request, capacity / 2.0, second).await;
    describe("before, at half the capacity", &before);
    let during = overload::open_loop(ORCHESTRATOR, request, capacity * 3.0, time).await;
    describe("at three times the capacity", &during);
    let after = overload::open_loop(ORCHESTRATOR, request, capacity / 2.0, second).await;
    describe("the second after it", &after);
    assert!(during.refused.len() > 0, "no request was shed: this was no overload");
    assert_eq!(after.refused.len(), 0);
    let p99 = |latencies: &guest::Latencies| latencies.percentile(99).as_secs_f64() * 1000.0;
    figure("requests a second that the services can answer", capacity, "/s", None);
    figure("accepted at three times as many", during.throughput(), "/s", None);
    figure("p99 of accepted requests", p99(&during.accepted), "ms", Some(1000.0));
    figure("p99 of refused requests (503)", p99(&during.refused), "ms", Some(50.0));
    let ratio = p99(&after.accepted) / p99(&before.accepted);
    figure("p99 in the second after the overload", ratio, "× the one before", Some(2.0));
}

/// Runs one test of this binary again in a new network namespace.
fn run_in_a_namespace(test: &str) {
    let namespace = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/pressure/namespace");
    let status = Command::new(namespace)
        .arg(env::current_exe().unwrap())
        .args(["--exact", &format!("pressure::{test}"), "--nocapture", "--include-ignored"])
        .env(INSIDE, "1")
        .status()
        .unwrap();
    assert!(status.success(), "in the namespace: {status}");
}

async fn attack_each_way(round: Duration) {
    let mut stack = Stack::start(2).await;
    let (large, small) = (stack.conversation(LIMITED, MESSAGES).await, stack.conversation(LIMITED, 0).await);
    for (through_starship, addresses) in [(false, 1), (false, 50), (true, 1), (true, 50)] {
        let address = if through_starship { stack::STARSHIP } else { stack::ORCHESTRATOR };
        let attack = attack::start(address, client::get(&large.path, &large.token), addresses, round);
        let latencies = guest::visit(address, &small.path, &small.token, round).await;
        let answers = attack.join().unwrap();
        let [p50, p99] = [50, 99].map(|percent| latencies.percentile(percent));
        let peak = stack.orchestrator.peak_memory();
        println!(
            "{addresses} addresses {}: {answers}; guest p50 {p50:.1?}, p99 {p99:.1?} of {} calls; \
             at most {} MiB in the orchestrator, {} MiB in Starship",
            if through_starship { "through Starship" } else { "directly" },
            latencies.len(),
            peak >> 20,
            stack.starship.peak_memory_of_children() >> 20,
        );
        assert!(peak < MEMORY, "{} MiB", peak >> 20);
        let waited = latencies.percentile(PERCENT);
        assert!(waited < PROMPT, "latency of the well-behaved guest: {waited:.1?}");
        stack.assert_nothing_restarted();
    }
}
