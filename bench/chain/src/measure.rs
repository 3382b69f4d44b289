//! Interleaved measurements: compared subjects run in turn, so that other load on the machine affects all of them
//! alike.

use std::{net::SocketAddr, time::Duration};

use crate::{
    Outcome,
    median::median,
    process::Process,
    wrk::{Load, Seen},
};

/// A subject of measurements, which is sent requests.
#[derive(Clone)]
pub(crate) struct Subject<'a> {
    /// Its name in the report.
    pub(crate) name: &'static str,
    /// The address for requests.
    pub(crate) address: SocketAddr,
    /// Its processes.
    pub(crate) processes: Vec<&'a Process>,
}

/// The result of one run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sample {
    /// The load generator's results.
    pub(crate) seen: Seen,
    /// The resources that each process used.
    pub(crate) costs: Vec<Cost>,
}

/// The resources that a process used.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Cost {
    /// Its name.
    pub(crate) process: &'static str,
    /// CPU time, in microseconds per request.
    pub(crate) cpu: f64,
    /// Resident memory after the run, in bytes.
    pub(crate) memory: f64,
}

impl Subject<'_> {
    /// Sends it `load` for some whole seconds. Waits first until earlier writes are dropped or on the disk, so that a
    /// store that waits for the disk does not wait for others' logs.
    pub(crate) fn measure(&self, load: &Load, connections: usize, seconds: u64) -> Outcome<Sample> {
        self.processes.iter().try_for_each(|process| process.truncate_log())?;
        rustix::fs::sync();
        let before = self.cpu()?;
        let seen = load
            .send(self.address, connections, seconds)
            .map_err(|error| format!("{} at {connections} connections: {error}", self.name))?;
        let mut costs = Vec::new();
        for ((process, before), after) in self.processes.iter().zip(before).zip(self.cpu()?) {
            let cpu = after.saturating_sub(before).as_secs_f64() * 1e6 / (seen.requests as f64).max(1.0);
            costs.push(Cost { process: process.name, cpu, memory: process.memory()? as f64 });
            process.truncate_log()?;
        }
        Ok(Sample { seen, costs })
    }

    fn cpu(&self) -> Outcome<Vec<Duration>> {
        self.processes.iter().map(|process| process.cpu()).collect()
    }
}

impl Sample {
    /// The median of each value.
    pub(crate) fn median(samples: &[Self]) -> Self {
        let of = |figure: &dyn Fn(&Sample) -> f64| median(samples.iter().map(figure).collect());
        let first = samples.first().map(|sample| sample.costs.as_slice()).unwrap_or_default();
        let costs = first.iter().enumerate().map(|(at, cost)| {
            let of_cost = |figure: fn(&Cost) -> f64| of(&|sample| sample.costs.get(at).map_or(0.0, figure));
            Cost { process: cost.process, cpu: of_cost(|cost| cost.cpu), memory: of_cost(|cost| cost.memory) }
        });
        Self {
            seen: Seen {
                requests: of(&|sample| sample.seen.requests as f64) as u64,
                per_second: of(&|sample| sample.seen.per_second),
                p50: of(&|sample| sample.seen.p50),
                p99: of(&|sample| sample.seen.p99),
            },
            costs: costs.collect(),
        }
    }

    /// CPU time of all processes, in microseconds per request.
    pub(crate) fn cpu(&self) -> f64 {
        self.costs.iter().map(|cost| cost.cpu).sum()
    }
}
