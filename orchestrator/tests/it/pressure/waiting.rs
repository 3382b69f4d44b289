//! 10,000 guests that wait for messages at one replica, each from an address and a /24 of its own; a desk that answers
//! 1,000 of them a second; and the stop of the replica, after which the guests go to another.

mod guests;

use std::{cell::RefCell, rc::Rc, time::Duration};

use tokio::{
    task::{JoinSet, LocalSet},
    time::{Instant, sleep, sleep_until},
};

use self::guests::{Desk, GUESTS, Guests};
use crate::pressure::{guest::Latencies, report::figure, stack::Stack};

/// Messages of the desk in a second.
const RATE: u32 = 1000;
/// Number of the desk's connections.
const DESKS: usize = 48;
/// A guest's longest wait.
const WAIT: Duration = Duration::from_secs(25);

/// What the guests and the desk share.
#[derive(Default)]
struct Shared {
    /// When each waiting request was sent.
    sent: RefCell<Vec<Instant>>,
    /// When the desk read the response to its message, and when the guest read the message, by the message's number.
    answered: RefCell<Vec<Option<Instant>>>,
    heard: RefCell<Vec<Option<Instant>>>,
    /// Responses other than 200, and connections that broke.
    failed: RefCell<usize>,
    /// Responses with `Retry-After`.
    turned_away: RefCell<Vec<Instant>>,
    /// The replica that connections go to.
    is_second: RefCell<bool>,
}

/// Measures and prints; `time` is the duration of the desk's messages.
pub(crate) async fn measure(stack: &mut Stack, time: Duration) {
    let local = LocalSet::new();
    local.run_until(measure_each(stack, time)).await;
}

async fn measure_each(stack: &mut Stack, time: Duration) {
    let shared = Rc::new(Shared::default());
    let guests = Guests::open(stack).await;
    let before = stack.orchestrator.memory();
    guests.wait(&shared, Duration::from_secs(10));
    stack.until_waiting(GUESTS).await;
    at_rest(stack, &shared, before).await;

    messages(&guests, &shared, time).await;
    let peak = stack.orchestrator.peak_memory();
    figure("memory of the service, at most", peak as f64 / f64::from(1 << 20), "MiB", Some(512.0));
    stack.until_waiting(GUESTS).await;

    stop(stack, &shared).await;
}

/// Memory of each, and a whole cycle of waits without messages.
async fn at_rest(stack: &Stack, shared: &Shared, before: u64) {
    let each = (stack.orchestrator.memory() - before) as f64 / GUESTS as f64 / 1024.0;
    figure("memory of each waiting guest", each, "KiB", Some(32.0));
    sleep(WAIT).await;
    let (sent, cpu) = (shared.sent.borrow().len(), stack.orchestrator.cpu());
    sleep(WAIT).await;
    let cpu = (stack.orchestrator.cpu() - cpu).as_secs_f64() / WAIT.as_secs_f64();
    let sent = (shared.sent.borrow().len() - sent) as f64 / WAIT.as_secs_f64();
    figure("waits that end and begin again", sent, "/s", None);
    figure("CPU of the service while all wait", cpu * 100.0, "% of a core", Some(10.0));
}

async fn messages(guests: &Guests, shared: &Rc<Shared>, time: Duration) {
    let total = (time.as_secs_f64() * f64::from(RATE)) as usize;
    *shared.answered.borrow_mut() = vec![None; total];
    *shared.heard.borrow_mut() = vec![None; total];
    let (began, paths) = (Instant::now(), guests.desk_paths());
    let mut desks = JoinSet::new();
    for first in 0..DESKS {
        let (paths, shared) = (Rc::clone(&paths), Rc::clone(shared));
        let mut desk = Desk::connect().await;
        desks.spawn_local(async move {
            for number in (first..total).step_by(DESKS) {
                sleep_until(began + Duration::from_secs_f64(number as f64 / f64::from(RATE))).await;
                desk.say(&paths[number * 7919 % GUESTS], number).await;
                shared.answered.borrow_mut()[number] = Some(Instant::now());
            }
        });
    }
    desks.join_all().await;
    let took = began.elapsed();
    sleep(Duration::from_secs(3)).await;
    let (answered, heard) = (shared.answered.borrow(), shared.heard.borrow());
    let delays = answered
        .iter()
        .zip(heard.iter())
        .filter_map(|(answered, heard)| Some(heard.as_ref()?.saturating_duration_since((*answered)?)));
    let delays = Latencies::new(delays.collect());
    println!("{total} messages of the desk in {took:.1?}; {} requests failed", shared.failed.borrow());
    assert_eq!(delays.len(), total, "messages that arrived");
    let milliseconds = |percent| delays.percentile(percent).as_secs_f64() * 1000.0;
    figure("time from the desk's 201 to the guest's answer, p50", milliseconds(50), "ms", Some(5.0));
    figure("the same, p99", milliseconds(99), "ms", Some(50.0));
}

/// Stops the replica, whose guests then wait at another.
async fn stop(stack: &mut Stack, shared: &Shared) {
    let usual = GUESTS as f64 / WAIT.as_secs_f64();
    stack.start_second().await;
    shared.turned_away.borrow_mut().clear();
    *shared.failed.borrow_mut() = 0;
    let (began, earlier) = (Instant::now(), shared.sent.borrow().len());
    *shared.is_second.borrow_mut() = true;
    stack.orchestrator.terminate();
    sleep(Duration::from_secs(20)).await;
    let (sent, away) = (shared.sent.borrow(), shared.turned_away.borrow());
    let last = away.iter().map(|at| at.duration_since(began)).max().unwrap_or_default();
    println!("stop: {} guests answered with Retry-After", away.len());
    figure("stop: until all guests were answered", last.as_secs_f64(), "s", None);
    let mut seconds = [0; 20];
    for at in &sent[earlier..] {
        let second = at.duration_since(began).as_secs() as usize;
        if let Some(count) = seconds.get_mut(second) {
            *count += 1;
        }
    }
    println!("requests in each second after the stop: {seconds:?}; usual {usual:.0}");
    println!("{} requests failed", shared.failed.borrow());
    figure("requests in the second after a stop", f64::from(seconds[1]) / usual, "× the usual", Some(2.0));
    let most = seconds.into_iter().max().unwrap_or_default();
    figure("requests in the busiest second after a stop", f64::from(most) / usual, "× the usual", Some(2.0));
    println!("memory: at most {} MiB in the other replica", stack.second_peak_memory() >> 20);
}
