//! The services and their yardsticks on every path.

use std::path::Path as Folder;

use crate::{
    Outcome, accounts,
    measure::{Sample, Subject},
    path::Path,
    plan::Plan,
    print_progress,
    recording::Recordings,
    rivals::{self, Rival},
    stack::Stack,
    workload::Workload,
    yardsticks::Yardstick,
};

/// The subjects of every path.
pub(crate) const SERVICES: &str = "services";
/// The floor for the same number of hops.
pub(crate) const CHAIN: &str = "null chain";
/// The ceiling of one hop.
pub(crate) const HELLO: &str = "hello";

/// All services in one process, connected in memory.
pub(crate) const IN_PROCESS: &str = "in one process";

/// The medians of one subject on one path.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// The path.
    pub(crate) path: Path,
    /// Connections of the load generator.
    pub(crate) connections: usize,
    /// The subject.
    pub(crate) subject: &'static str,
    /// The medians of its rounds.
    pub(crate) sample: Sample,
}

/// One path with its subjects.
struct Lane {
    path: Path,
    workload: Workload,
    hello: Yardstick,
    chain: Option<Yardstick>,
    rivals: Vec<Rival>,
}

/// A subject.
struct Contender<'a> {
    subject: Subject<'a>,
    workload: &'a Workload,
    /// Whether it rejects a token that was presented before.
    needs_fresh_tokens: bool,
}

/// Measures the paths of `plan` on `stack`; returns a row per path, number of connections and subject.
pub(crate) fn measure(
    plan: &Plan,
    stack: &Stack,
    recordings: &Recordings,
    folder: &Folder,
) -> Outcome<Vec<Row>> {
    let mut lanes = Vec::new();
    for &path in &plan.paths {
        lanes.push(Lane::new(path, stack, recordings, &folder.join(format!("{path:?}")))?);
    }
    let mut runs: Vec<(Path, usize, &'static str, Vec<Sample>)> = Vec::new();
    for round in 1..=plan.rounds {
        for lane in &mut lanes {
            for &connections in &plan.connections {
                for (name, sample) in lane.measure(stack, connections, plan.seconds)? {
                    print_progress(&format!(
                        "round {round}: {}, {connections} connections, {name}: {:.0}/s, p99 {:.0} µs, {:.1} µs of CPU",
                        lane.path.name(),
                        sample.seen.per_second,
                        sample.seen.p99,
                        sample.cpu()
                    ));
                    let same = |run: &&mut (Path, usize, &str, Vec<Sample>)| {
                        (run.0, run.1, run.2) == (lane.path, connections, name)
                    };
                    match runs.iter_mut().find(same) {
                        Some(run) => run.3.push(sample),
                        None => runs.push((lane.path, connections, name, vec![sample])),
                    }
                }
            }
        }
    }
    let rows = runs.iter().map(|(path, connections, subject, samples)| Row {
        path: *path,
        connections: *connections,
        subject,
        sample: Sample::median(samples),
    });
    Ok(rows.collect())
}

impl Lane {
    fn new(path: Path, stack: &Stack, recordings: &Recordings, folder: &Folder) -> Outcome<Self> {
        let deployments = vec![if path == Path::CreateOff { accounts::OFF } else { accounts::ON }.to_owned()];
        let (validate, recording) = (&recordings.validate, recordings.of(path)?);
        // A chain of one link equals the hello server.
        let has_hops = recording.0.len() > 1;
        let chain = has_hops.then(|| Yardstick::chain(recording, folder.join("chain"))).transpose()?;
        Ok(Self {
            path,
            workload: Workload::new(path, stack.orchestrator, deployments, validate, folder.join("wrk"))?,
            hello: Yardstick::hello(recording, folder.join("hello"))?,
            chain,
            rivals: rivals::on(path, validate, folder)?,
        })
    }

    /// The subjects, in the order of measurement.
    fn contenders<'a>(&'a self, stack: &'a Stack, connections: usize) -> Vec<Contender<'a>> {
        let [_, _, scoped_auth] = &stack.processes;
        let (address, processes) = match self.path {
            Path::Validate => (stack.scoped_auth, vec![scoped_auth]),
            Path::Create | Path::CreateOff | Path::Refresh | Path::Open | Path::Message => {
                (stack.orchestrator, stack.processes.iter().collect())
            }
        };
        let services = Subject { name: SERVICES, address, processes };
        let mut all =
            vec![Contender { subject: services, workload: &self.workload, needs_fresh_tokens: true }];
        let yardsticks = self.chain.iter().map(|chain| (CHAIN, chain)).chain([(HELLO, &self.hello)]);
        all.extend(yardsticks.map(|(name, yardstick)| Contender {
            subject: yardstick.subject(name),
            workload: &self.workload,
            needs_fresh_tokens: false,
        }));
        let is_asked = |rival: &&Rival| rival.connections.is_none_or(|only| only == connections);
        all.extend(self.rivals.iter().filter(is_asked).map(|rival| Contender {
            subject: rival.server.subject(rival.name),
            workload: &rival.workload,
            needs_fresh_tokens: rival.needs_fresh_tokens,
        }));
        all
    }

    fn measure(
        &mut self,
        stack: &Stack,
        connections: usize,
        seconds: u64,
    ) -> Outcome<Vec<(&'static str, Sample)>> {
        let mut samples = Vec::new();
        for Contender { subject, workload, needs_fresh_tokens } in self.contenders(stack, connections) {
            workload.load(needs_fresh_tokens, 0.6)?.warm_up(subject.address, connections)?;
            let load = workload.load(needs_fresh_tokens, seconds as f64)?;
            samples.push((subject.name, subject.measure(load, connections, seconds)?));
        }
        let services = samples.first().map_or(0, |(_, sample)| sample.seen.requests);
        self.workload.record_rate(services, seconds as f64)?;
        Ok(samples)
    }
}
