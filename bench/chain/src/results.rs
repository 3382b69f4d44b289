//! All results of one run.

use crate::{
    measure::Sample, path::Path, plan::Plan, scale::Scale, soak::Soak, start_up::StartUp, throughput::Row,
};

/// The results, and the date, machine and settings of the run.
pub(crate) struct Results {
    /// The day, as `2026-11-21`.
    pub(crate) date: String,
    /// The machine, in one line.
    pub(crate) machine: String,
    /// The command line.
    pub(crate) command: String,
    /// The plan.
    pub(crate) plan: Plan,
    /// The medians on all paths.
    pub(crate) throughput: Vec<Row>,
    /// Why Express was not measured, if it was not.
    pub(crate) without_express: Option<&'static str>,
    /// Start and size of each service.
    pub(crate) start_up: Vec<StartUp>,
    /// The cost of large data, if measured.
    pub(crate) scale: Option<Scale>,
    /// The memory under load, if measured.
    pub(crate) soak: Option<Soak>,
}

impl Results {
    /// The result of `subject` on `path`, if measured.
    pub(crate) fn of(&self, path: Path, connections: usize, subject: &str) -> Option<&Sample> {
        let is_it = |row: &&Row| (row.path, row.connections, row.subject) == (path, connections, subject);
        self.throughput.iter().find(is_it).map(|row| &row.sample)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::{
        measure::Cost,
        scale::{Extent, Much},
        throughput::{CHAIN, HELLO, SERVICES},
        wrk::Seen,
    };

    /// A run in which the services reach 8,500 or 8,000 where the chain reaches 10,000.
    pub(crate) fn example() -> Results {
        let row = |path, connections, subject, per_second, p99| Row {
            path,
            connections,
            subject,
            sample: Sample {
                seen: Seen { requests: 1000, per_second, p50: 200.0, p99 },
                costs: vec![
                    Cost { process: "a", cpu: 20.0, memory: 10.0 * 1048576.0 },
                    Cost { process: "b<c", cpu: 10.5, memory: 20.0 * 1048576.0 },
                ],
            },
        };
        Results {
            date: "2026-11-21".to_owned(),
            machine: "2 cores".to_owned(),
            command: "bench/run".to_owned(),
            plan: Plan { rounds: 3, seconds: 3, paths: vec![Path::Create], connections: vec![16, 64] },
            throughput: vec![
                row(Path::Create, 16, SERVICES, 8500.0, 3000.0),
                row(Path::Create, 16, CHAIN, 10000.0, 1000.0),
                row(Path::Create, 16, HELLO, 70000.0, 400.0),
                row(Path::Create, 64, SERVICES, 8000.0, 1500.0),
                row(Path::Create, 64, CHAIN, 10000.0, 1000.0),
            ],
            without_express: Some("not measured: Node.js is not installed"),
            start_up: vec![StartUp {
                service: "ScopedAuthService",
                ready_ms: 99.9,
                memory: 16.0 * 1048576.0,
                binary: 1 << 20,
                image: None,
            }],
            scale: Some(Scale {
                extent: Extent { many: 1_000_000, rounds: 7, seconds: 2 },
                base: [1.0; 3],
                much: vec![Much {
                    what: "1000000 revoked sessions".to_owned(),
                    of_base: [0.99, 1.2, 0.94],
                    bytes_each: Some(63.9),
                }],
            }),
            soak: Some(Soak {
                seconds: 60,
                memory: vec![[1e7; 3], [1e7; 3], [1e7; 3], [1.06e7, 1e7, 1e7]],
                per_second: vec![[1.0, 2.0]; 3],
            }),
        }
    }
}
