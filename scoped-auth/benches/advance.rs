//! What it costs to move sessions on, for 1, 16 and 64 callers at once on two runtimes, as workers have them: per move,
//! how many in a second, and the processor's time of this process, from the operating system.

#![allow(clippy::print_stdout, reason = "what is measured is printed")]

use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta};
use scoped_auth::store::{Moved, Store};
use service_runtime::database::DatabaseConfig;
use shared_types::SessionId;
use tokio::runtime::{Builder, Runtime};

const WORKERS: u32 = 2;
const MEASURED: Duration = Duration::from_secs(3);

fn main() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite:{}", folder.path().join("sessions.db").display());
    let serving = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let store = serving.block_on(Store::open(&DatabaseConfig::new(url))).expect("a store");
    for (round, callers) in [1, 16, 64].into_iter().cycle().take(9).enumerate() {
        let per_worker = u32::div_ceil(callers, WORKERS);
        let round = u32::try_from(round).expect("few rounds");
        let (began, used) = (Instant::now(), processor_time());
        let workers: Vec<_> = (0..WORKERS.min(callers))
            .map(|worker| {
                let store = store.clone();
                let first = (round * WORKERS + worker) * per_worker;
                std::thread::spawn(move || moves(&store, first..first + per_worker))
            })
            .collect();
        let moves: u32 = workers.into_iter().map(|worker| worker.join().expect("moves")).sum();
        let (took, used) = (began.elapsed(), processor_time() - used);
        println!(
            "{callers} callers: {:.0} moves/s, {:.1} µs of the processor each",
            f64::from(moves) / took.as_secs_f64(),
            used.as_secs_f64() * 1e6 / f64::from(moves)
        );
    }
}

/// How often these callers' sessions moved, each again as soon as it had.
fn moves(store: &Store, callers: std::ops::Range<u32>) -> u32 {
    let runtime: Runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let now = DateTime::from_timestamp(1_800_000_000, 0).expect("a time");
    let until = Instant::now() + MEASURED;
    let calls: Vec<_> = callers
        .map(|caller| {
            let store = store.clone();
            runtime.spawn(async move {
                let mut bytes = [0; 16];
                bytes[..4].copy_from_slice(&caller.to_be_bytes());
                let session = SessionId::from_random(bytes);
                let mut generation = 0;
                while Instant::now() < until {
                    let moved = store.advance(session, generation, now, now + TimeDelta::days(1)).await;
                    assert_eq!(moved.expect("an answer"), Moved::Forward);
                    generation += 1;
                }
                generation
            })
        })
        .collect();
    runtime.block_on(async {
        let mut moves = 0;
        for call in calls {
            moves += call.await.expect("a caller");
        }
        moves
    })
}

/// User and system time of this process, in ticks of 10 ms.
fn processor_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("/proc");
    let fields = stat.rsplit_once(')').expect("a name").1;
    let ticks = fields.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<u64>().expect("ticks"));
    Duration::from_millis(10 * ticks.sum::<u64>())
}
