//! The services beside their yardsticks, on every path.

use std::path::Path as Folder;

use crate::{
    Outcome, accounts,
    measure::{Sample, Subject},
    path::Path,
    plan::Plan,
    recording::Recordings,
    stack::Stack,
    tell,
    workload::Workload,
    yardsticks::Yardstick,
};

/// What is measured on every path.
pub(crate) const SERVICE: &str = "services";
/// The floor of as many hops.
pub(crate) const CHAIN: &str = "null chain";
/// The ceiling of one hop.
pub(crate) const HELLO: &str = "hello";

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

/// One path with what is compared on it.
struct Lane {
    path: Path,
    workload: Workload,
    hello: Yardstick,
    chain: Option<Yardstick>,
}

/// Measures the paths of `plan` on `stack`; a row for each path, number of connections and subject.
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
                    tell(&format!(
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
        let deployment = if path == Path::CreateOff { accounts::OFF } else { accounts::ON };
        let workload = Workload::new(
            path,
            stack,
            vec![deployment.to_owned()],
            &recordings.validate,
            folder.join("wrk"),
        )?;
        let recording = recordings.of(path)?;
        let hello = Yardstick::hello(recording, folder.join("hello"))?;
        // A chain of one link is a hello.
        let has_hops = recording.0.len() > 1;
        let chain = has_hops.then(|| Yardstick::chain(recording, folder.join("chain"))).transpose()?;
        Ok(Self { path, workload, hello, chain })
    }

    /// What is compared, in the order in which it is measured. Whoever has another way to run the services adds it here.
    fn subjects<'a>(&'a self, stack: &'a Stack) -> Vec<(Subject<'a>, bool)> {
        let [_, _, scoped_auth] = &stack.processes;
        let services = match self.path {
            Path::Validate => {
                Subject { name: SERVICE, address: stack.scoped_auth, processes: vec![scoped_auth] }
            }
            Path::Create | Path::CreateOff | Path::Refresh | Path::Open | Path::Message => Subject {
                name: SERVICE,
                address: stack.orchestrator,
                processes: stack.processes.iter().collect(),
            },
        };
        let yardstick = |name, yardstick: &'a Yardstick| Subject {
            name,
            address: yardstick.address,
            processes: yardstick.processes.iter().collect(),
        };
        let mut subjects = vec![(services, true)];
        subjects.extend(self.chain.iter().map(|chain| (yardstick(CHAIN, chain), false)));
        subjects.push((yardstick(HELLO, &self.hello), false));
        subjects
    }

    fn measure(
        &mut self,
        stack: &Stack,
        connections: usize,
        seconds: u64,
    ) -> Outcome<Vec<(&'static str, Sample)>> {
        let mut samples = Vec::new();
        let mut fastest = 0.0_f64;
        for (subject, needs_fresh_tokens) in self.subjects(stack) {
            self.workload.load(needs_fresh_tokens, 0.6)?.warm_up(subject.address, connections)?;
            let load = self.workload.load(needs_fresh_tokens, seconds as f64)?;
            let sample = subject.measure(load, connections, seconds)?;
            if needs_fresh_tokens {
                fastest = fastest.max(sample.seen.per_second);
            }
            samples.push((subject.name, sample));
        }
        self.workload.learn(fastest);
        Ok(samples)
    }
}
