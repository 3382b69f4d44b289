//! The soak test: full load for ten minutes, and the memory meanwhile.

use std::{path::Path as Folder, thread};

use crate::{
    Outcome, accounts, path::Path, print_progress, script::Question, stack::Plan, workload::Workload,
};

/// Number of parts.
const PARTS: usize = 10;
/// Connections that create, and as many that refresh.
const CONNECTIONS: usize = 16;

/// The results.
#[derive(Clone, Debug)]
pub(crate) struct Soak {
    /// Duration of each part, in seconds.
    pub(crate) seconds: u64,
    /// Resident memory of FWO, FAS and SAS in bytes: before the load, and after each part.
    pub(crate) memory: Vec<[f64; 3]>,
    /// Creates and refreshes of each part, per second.
    pub(crate) per_second: Vec<[f64; 2]>,
}

/// Creates and refreshes concurrently for [`PARTS`] times this many seconds.
pub(crate) fn measure(seconds: u64, validate: &Question, folder: &Folder) -> Outcome<Soak> {
    let stack = Plan::new(folder.join("stack")).start()?;
    let load = |path: Path| {
        let deployments = vec![accounts::ON.to_owned()];
        Workload::new(path, stack.orchestrator, deployments, validate, folder.join(format!("{path:?}")))
    };
    let (create, refresh) = (load(Path::Create)?, load(Path::Refresh)?);
    let memory = || -> Outcome<[f64; 3]> {
        let [fwo, fas, sas] = &stack.processes;
        Ok([fwo.memory()? as f64, fas.memory()? as f64, sas.memory()? as f64])
    };
    let mut soak = Soak { seconds, memory: vec![memory()?], per_second: Vec::new() };
    for part in 1..=PARTS {
        let (create, refresh) = (create.load(true, seconds as f64)?, refresh.load(true, seconds as f64)?);
        let sent = thread::scope(|scope| {
            [create, refresh]
                .map(|load| scope.spawn(|| load.send(stack.orchestrator, CONNECTIONS, seconds)))
                .map(|thread| thread.join().map_err(|_| "a thread of the load failed")?)
        });
        let [created, refreshed] = sent;
        let per_second = [created?.per_second, refreshed?.per_second];
        let resident = memory()?;
        stack.processes.iter().try_for_each(|process| process.truncate_log())?;
        print_progress(&format!(
            "part {part}: {:.0} creates and {:.0} refreshes a second; {} MiB",
            per_second[0],
            per_second[1],
            resident.map(|bytes| format!("{:.1}", bytes / f64::from(1 << 20))).join(", ")
        ));
        soak.memory.push(resident);
        soak.per_second.push(per_second);
    }
    Ok(soak)
}

impl Soak {
    /// The growth of the memory of FWO, FAS and SAS from the second part to the last, as a fraction. The first two
    /// parts fill bounded memory: buffers, caches, limiters.
    pub(crate) fn growth(&self) -> [f64; 3] {
        let (early, late) = (self.memory.get(2).copied(), self.memory.last().copied());
        let (early, late) = (early.unwrap_or_default(), late.unwrap_or_default());
        let mut each = early.into_iter().zip(late).map(|(early, late)| late / early - 1.0);
        [(); 3].map(|()| each.next().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_is_measured_from_the_second_part() {
        let memory = vec![[1.0; 3], [7.0; 3], [10.0; 3], [99.0; 3], [10.0, 11.0, 9.0]];
        let growth = Soak { seconds: 1, memory, per_second: Vec::new() }.growth();
        assert_eq!(growth.map(|share| (share * 100.0).round()), [0.0, 10.0, -10.0]);
    }
}
