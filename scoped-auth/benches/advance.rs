//! The cost of advancing sessions, for 1, 16 and 64 concurrent callers on two runtimes, as workers have them: advances per
//! second, and the CPU time of this process for each, from the operating system.

#![allow(clippy::expect_used, reason = "a measurement that panics has failed, as it should")]
#![allow(clippy::print_stdout, reason = "what is measured is printed")]

use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta};
use scoped_auth::store::{Advance, AdvanceOutcome, Store};
use shared_types::{Fingerprint, SessionId};
use store::DatabaseConfig;
use tokio::runtime::{Builder, Runtime};

const FINGERPRINT: &str = "fp2.me.BwcAA___AIoAiv_EAQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyAhIiMkJSYnKCkqKywtLi8wMTIzNDU2Nzg5Ojs8PT4_QEFCQ0RFRkdISUo";
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
                std::thread::spawn(move || advances(&store, first..first + per_worker))
            })
            .collect();
        let advances: u32 = workers.into_iter().map(|worker| worker.join().expect("advances")).sum();
        let (took, used) = (began.elapsed(), processor_time() - used);
        println!(
            "{callers} callers: {:.0} advances/s, {:.1} µs of CPU time each",
            f64::from(advances) / took.as_secs_f64(),
            used.as_secs_f64() * 1e6 / f64::from(advances)
        );
    }
}

/// How often the sessions of these callers advanced, each caller in a loop.
fn advances(store: &Store, callers: std::ops::Range<u32>) -> u32 {
    let runtime: Runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let now = DateTime::from_timestamp(1_800_000_000, 0).expect("a time");
    let until = Instant::now() + MEASURED;
    let calls: Vec<_> = callers
        .map(|caller| {
            let store = store.clone();
            runtime.spawn(async move {
                let mut bytes = [0; 16];
                bytes[..4].copy_from_slice(&caller.to_be_bytes());
                let mut next = Advance {
                    session: SessionId::from_random(bytes),
                    generation: 0,
                    now,
                    expires_at: now + TimeDelta::hours(6),
                    ends_at: now + TimeDelta::days(1),
                    fingerprint: Fingerprint::new(FINGERPRINT.to_owned()),
                    first_fingerprint: None,
                };
                while Instant::now() < until {
                    let outcome = store.advance(next.clone()).await.expect("an outcome");
                    assert_eq!(outcome, AdvanceOutcome::Advanced { replaced: next.generation });
                    next.generation += 1;
                }
                next.generation
            })
        })
        .collect();
    runtime.block_on(async {
        let mut advances = 0;
        for call in calls {
            advances += call.await.expect("a caller");
        }
        advances
    })
}

/// User and system time of this process, in ticks of 10 ms.
fn processor_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("/proc");
    let fields = stat.rsplit_once(')').expect("a name").1;
    let ticks = fields.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<u64>().expect("ticks"));
    Duration::from_millis(10 * ticks.sum::<u64>())
}
