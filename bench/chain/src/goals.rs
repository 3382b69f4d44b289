//! The performance goals and whether they are met, computed from the measurements.

use crate::{
    express,
    path::Path,
    results::Results,
    scale::PATHS,
    soak::Soak,
    throughput::{CHAIN, HELLO, IN_PROCESS, SERVICES},
};

const MIB: f64 = 1_048_576.0;

/// A goal and its measurement.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Goal {
    /// The goal.
    pub(crate) promise: String,
    /// The measured value.
    pub(crate) measured: String,
    /// Whether the goal is met.
    pub(crate) is_met: bool,
}

/// All goals that this run has measurements for.
pub(crate) fn goals(results: &Results) -> Vec<Goal> {
    let mut goals = Vec::new();
    for path in [Path::Create, Path::Refresh] {
        for connections in [16, 64] {
            goals.extend(at_least(results, path, connections, CHAIN, 0.85));
        }
        goals.extend(slowest(results, path));
        goals.extend(against_express(results, path));
    }
    for connections in [16, 64] {
        goals.extend(at_least(results, Path::Validate, connections, HELLO, 0.85));
    }
    goals.extend(in_process(results));
    goals.extend(flat(results));
    goals.extend(start(results));
    goals
}

/// The goal of the soak test.
pub(crate) fn soak(soak: &Soak) -> Goal {
    let growth = soak.growth();
    Goal {
        promise: "no growth of memory between the second part and the last: less than 5 %".to_owned(),
        measured: growth.map(|share| format!("{:+.1} %", share * 100.0)).join(", "),
        is_met: growth.iter().all(|share| *share < 0.05),
    }
}

fn at_least(results: &Results, path: Path, connections: usize, of: &str, share: f64) -> Option<Goal> {
    let services = results.of(path, connections, SERVICES)?.seen.per_second;
    let ratio = services / results.of(path, connections, of)?.seen.per_second;
    Some(Goal {
        promise: format!("{}, {connections} connections: {share} of {of}'s requests/s", path.name()),
        measured: format!("{ratio:.2}"),
        is_met: ratio >= share,
    })
}

fn slowest(results: &Results, path: Path) -> Option<Goal> {
    let ratio = results.of(path, 64, SERVICES)?.seen.p99 / results.of(path, 64, CHAIN)?.seen.p99;
    Some(Goal {
        promise: format!("{}, 64 connections: p99 at most 1.5 × the null chain's", path.name()),
        measured: format!("{ratio:.2} ×"),
        is_met: ratio <= 1.5,
    })
}

fn against_express(results: &Results, path: Path) -> Vec<Goal> {
    let pair = results.of(path, 16, SERVICES).zip(results.of(path, 16, express::CLUSTER));
    let Some((services, express)) = pair else { return Vec::new() };
    let times = services.seen.per_second / express.seen.per_second;
    let cpu = services.cpu() / express.cpu();
    let name = path.name();
    vec![
        Goal {
            promise: format!("{name}, 16 connections: 3 × the requests/s of Express with a process per core"),
            measured: format!("{times:.2} ×"),
            is_met: times >= 3.0,
        },
        Goal {
            promise: format!("{name}, 16 connections: a third of its CPU per request"),
            measured: format!("{cpu:.2}"),
            is_met: cpu <= 1.0 / 3.0,
        },
    ]
}

fn in_process(results: &Results) -> Option<Goal> {
    let one = results.of(Path::Create, 16, IN_PROCESS)?.seen.per_second;
    let ratio = one / results.of(Path::Create, 16, HELLO)?.seen.per_second;
    Some(Goal {
        promise: "create with all services in one process, 16 connections: 0.7 of hello's requests/s"
            .to_owned(),
        measured: format!("{ratio:.2}"),
        is_met: ratio >= 0.7,
    })
}

fn flat(results: &Results) -> Vec<Goal> {
    let mut goals = Vec::new();
    for much in results.scale.iter().flat_map(|scale| &scale.much) {
        let shown: Vec<_> = PATHS
            .iter()
            .zip(much.of_base)
            .map(|(path, of)| format!("{} {:+.1} %", path.name(), (of - 1.0) * 100.0))
            .collect();
        goals.push(Goal {
            promise: format!("{}: less than 5 % fewer requests/s", much.what),
            measured: shown.join(", "),
            is_met: much.of_base.iter().all(|of| *of > 0.95),
        });
        if let Some(bytes) = much.bytes_each {
            let most = if much.what.contains("revoked") { 64.0 } else { 1024.0 };
            goals.push(Goal {
                promise: format!("{}: under {most} bytes of memory each", much.what),
                measured: format!("{bytes:.0}"),
                is_met: bytes < most,
            });
        }
    }
    goals
}

fn start(results: &Results) -> Vec<Goal> {
    let each = |promise: &str, unit: &str, most: f64, inclusive: bool, figure: &dyn Fn(usize) -> f64| Goal {
        promise: promise.to_owned(),
        measured: (0..results.start_up.len())
            .map(|at| format!("{:.1} {unit}", figure(at)))
            .collect::<Vec<_>>()
            .join(", "),
        is_met: (0..results.start_up.len()).all(|at| figure(at) < most || (inclusive && figure(at) <= most)),
    };
    if results.start_up.is_empty() {
        return Vec::new();
    }
    let of = |at: usize| results.start_up.get(at);
    vec![
        each("ready within 100 ms of the start, with an empty store", "ms", 100.0, true, &|at| {
            of(at).map_or(f64::NAN, |service| service.ready_ms)
        }),
        each("idle, under 15 MiB of resident memory a service", "MiB", 15.0, false, &|at| {
            of(at).map_or(f64::NAN, |service| service.memory / MIB)
        }),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::tests::example;

    #[test]
    fn every_goal_is_compared_with_its_measurement() {
        let seen: Vec<_> = goals(&example()).into_iter().map(|goal| (goal.measured, goal.is_met)).collect();
        let expected = [
            ("0.85", true),
            ("0.80", false),
            ("1.50 ×", true),
            ("create -1.0 %, refresh +20.0 %, validate, SAS alone -6.0 %", false),
            ("64", true),
            ("99.9 ms", true),
            ("16.0 MiB", false),
        ];
        assert_eq!(seen, expected.map(|(measured, is_met)| (measured.to_owned(), is_met)));
        let soak = soak(&example().soak.unwrap());
        assert_eq!((soak.measured.as_str(), soak.is_met), ("+6.0 %, +0.0 %, +0.0 %", false));
    }
}
