//! The cost of large data: stacks that each differ in one dimension run side by side and are measured in turn.

use std::{
    path::Path as Folder,
    thread::sleep,
    time::{Duration, Instant},
};

use crate::{
    Outcome, accounts,
    browser::Request,
    http::Connection,
    measure::Subject,
    median::median,
    path::Path,
    print_progress,
    script::Question,
    stack::{Plan, Stack},
    workload::Workload,
};

/// The compared paths.
pub(crate) const PATHS: [Path; 3] = [Path::Create, Path::Refresh, Path::Validate];
/// The number of connections.
pub(crate) const CONNECTIONS: usize = 16;
/// Keys of the ring.
const KEYS: usize = 64;

/// The amounts, and the duration of measurements.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extent {
    /// The number of deployments and of revoked sessions.
    pub(crate) many: usize,
    /// Rounds.
    pub(crate) rounds: usize,
    /// Seconds of each measurement.
    pub(crate) seconds: u64,
}

/// One dimension with a large amount.
#[derive(Clone, Debug)]
pub(crate) struct Much {
    /// Its name and amount.
    pub(crate) what: String,
    /// Requests per second on each of [`PATHS`], relative to the base stack.
    pub(crate) of_base: [f64; 3],
    /// Bytes of memory per item, where measured.
    pub(crate) bytes_each: Option<f64>,
}

/// The results.
#[derive(Clone, Debug)]
pub(crate) struct Scale {
    /// How they were measured.
    pub(crate) extent: Extent,
    /// Requests per second of the stack with one deployment, no revoked session and one key, on each of [`PATHS`].
    pub(crate) base: [f64; 3],
    /// The dimensions.
    pub(crate) much: Vec<Much>,
}

/// A stack and its requests on each path.
struct Case {
    stack: Stack,
    workloads: Vec<Workload>,
    memory: [f64; 3],
}

/// Measures the cases, with their files below `folder`.
pub(crate) fn measure(extent: Extent, validate: &Question, folder: &Folder) -> Outcome<Scale> {
    let Extent { many, .. } = extent;
    let plan = |name: &str| Plan::new(folder.join(name));
    let cases = [
        Case::new(&plan("base"), 1, validate)?,
        Case::new(&Plan { deployments: many, ..plan("deployments") }, 1, validate)?,
        Case::new(&Plan { revoked: many, ..plan("revoked") }, 1, validate)?,
        Case::new(&plan("keys"), KEYS, validate)?,
    ];
    let mut seen = vec![[(); 3].map(|()| Vec::new()); cases.len()];
    for round in 0..extent.rounds {
        for (place, path) in PATHS.into_iter().enumerate() {
            // The order rotates, so that the first has no advantage.
            let mut order: Vec<_> = cases.iter().zip(seen.iter_mut()).collect();
            if round % 2 == 1 {
                order.reverse();
            }
            for (case, seen) in order {
                let per_second = case.per_second(place, path, extent.seconds)?;
                seen.iter_mut().skip(place).take(1).for_each(|seen| seen.push(per_second));
            }
        }
    }
    let [base, deployments, revoked, keys] = <[_; 4]>::try_from(seen).map_err(|_| "a case is missing")?;
    let [base_case, with_deployments, with_revoked, _] = &cases;
    let each = |loaded: &Case, service: usize| {
        let memory = |case: &Case| case.memory.get(service).copied().unwrap_or_default();
        Some((memory(loaded) - memory(base_case)) / many as f64)
    };
    let much = vec![
        Much::new(format!("{many} deployments"), &base, &deployments, each(with_deployments, 0)),
        Much::new(format!("{many} revoked sessions"), &base, &revoked, each(with_revoked, 2)),
        Much::new(format!("{KEYS} keys"), &base, &keys, None),
    ];
    Ok(Scale { extent, base: base.map(median), much })
}

impl Much {
    fn new(what: String, base: &[Vec<f64>; 3], seen: &[Vec<f64>; 3], bytes_each: Option<f64>) -> Self {
        let mut shares = base.iter().zip(seen).map(|(base, seen)| of_base(base, seen));
        let of_base = [(); 3].map(|()| shares.next().unwrap_or_default());
        let shown: Vec<_> =
            PATHS.iter().zip(of_base).map(|(path, of)| format!("{} {of:.3}", path.name())).collect();
        let bytes = bytes_each.map_or(String::new(), |bytes| format!(", {bytes:.1} bytes each"));
        print_progress(&format!("{what}: {} of those without{bytes}", shown.join(", ")));
        Self { what, of_base, bytes_each }
    }
}

/// The median of the rounds' ratios: a disturbance of a whole round affects both sides.
fn of_base(base: &[f64], seen: &[f64]) -> f64 {
    median(base.iter().zip(seen).map(|(base, seen)| seen / base).collect())
}

impl Case {
    fn new(plan: &Plan, keys: usize, validate: &Question) -> Outcome<Self> {
        let started = Instant::now();
        let stack = plan.start()?;
        print_progress(&format!(
            "{}: started in {:.1} s",
            plan.folder.file_name().unwrap_or_default().display(),
            started.elapsed().as_secs_f64()
        ));
        sleep(Duration::from_secs(1));
        let [fwo, fas, sas] = &stack.processes;
        let memory = [fwo.memory()? as f64, fas.memory()? as f64, sas.memory()? as f64];
        let deployments = accounts::called(plan.deployments);
        let mut workloads = Vec::new();
        // The tokens to validate are made now, by the ring's first key.
        for path in PATHS {
            let folder = plan.folder.join(format!("{path:?}"));
            workloads.push(Workload::new(path, stack.orchestrator, deployments.clone(), validate, folder)?);
        }
        if keys > 1 {
            add_keys(&stack, keys - 1)?;
        }
        Ok(Self { stack, workloads, memory })
    }

    fn per_second(&self, place: usize, path: Path, seconds: u64) -> Outcome<f64> {
        let workload = self.workloads.get(place).ok_or("a path without a workload")?;
        let address = if path == Path::Validate { self.stack.scoped_auth } else { self.stack.orchestrator };
        let subject = Subject { name: "services", address, processes: self.stack.processes.iter().collect() };
        workload.load(true, 0.6)?.warm_up(address, CONNECTIONS)?;
        let sample = subject.measure(workload.load(true, seconds as f64)?, CONNECTIONS, seconds)?;
        Ok(sample.seen.per_second)
    }
}

/// Adds keys to the ring of a running stack, and waits until the last one is active.
fn add_keys(stack: &Stack, count: usize) -> Outcome<()> {
    let header = || -> Outcome<String> {
        let created = Connection::open(stack.orchestrator)?.succeed(&Request::create(accounts::ON).raw())?;
        Ok(created.member("token")?.split('.').next().unwrap_or_default().to_owned())
    };
    let before = header()?;
    let mut kid = String::new();
    for _ in 0..count {
        let said = stack.keys(&["generate", "--use", "enc"])?;
        said.split_once(':').map_or("", |(kid, _)| kid).clone_into(&mut kid);
    }
    stack.keys(&["activate", &kid, "--now"])?;
    let deadline = Instant::now() + Duration::from_secs(30);
    while header()? == before {
        if Instant::now() > deadline {
            return Err("the keys were not followed".into());
        }
        sleep(Duration::from_millis(50));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::of_base;

    #[test]
    fn rounds_are_compared_pairwise() {
        // The machine was slow in the second round, for both.
        assert_eq!(of_base(&[100.0, 10.0, 100.0], &[99.0, 10.0, 98.0]), 0.99);
    }
}
