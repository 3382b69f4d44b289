//! Interleaved measurements: targets are measured in turn, so that other load on the machine affects all of them alike.

use std::net::SocketAddr;

use crate::{
    Arguments, Outcome,
    page::figure,
    process::{Process, usage},
    wrk::Load,
};

/// The columns of [`Runs::rows`]: two names, the figures, and the ratio of requests a second.
pub(crate) const HEAD: [&str; 8] =
    ["", "", "requests/s", "p50, ms", "p99, ms", "CPU µs per request", "memory, MiB", "first ÷ this"];

/// Requests a second, median and 99th percentile of the latency in ms, CPU time in µs per request, MiB of resident memory.
pub(crate) type Sample = [f64; 5];

pub(crate) struct Target<'a> {
    pub(crate) name: &'static str,
    pub(crate) address: SocketAddr,
    pub(crate) processes: Vec<&'a Process>,
    pub(crate) load: Load,
}

/// The samples of each target, one per round.
pub(crate) struct Runs(Vec<(&'static str, Vec<Sample>)>);

/// Warms each target up for a second, then measures all of them in turn in each round, over so many connections.
pub(crate) fn compare(
    arguments: &Arguments,
    what: &str,
    connections: usize,
    targets: &[Target<'_>],
) -> Outcome<Runs> {
    for target in targets {
        target.measure(connections, 1)?;
    }
    let mut runs = Runs(targets.iter().map(|target| (target.name, Vec::new())).collect());
    for round in 0..arguments.rounds {
        let mut turns: Vec<_> = targets.iter().zip(&mut runs.0).collect();
        if round % 2 == 1 {
            turns.reverse();
        }
        for (target, (name, samples)) in turns {
            let sample = target.measure(connections, arguments.seconds);
            let sample = sample.map_err(|error| format!("{what}, {name}: {error}"))?;
            let [rate, _, p99, cpu, _] = sample;
            println!("{what}, {name}: {rate:.0}/s, p99 {p99:.2} ms, {cpu:.1} µs of CPU");
            samples.push(sample);
        }
    }
    Ok(runs)
}

impl Target<'_> {
    fn measure(&self, connections: usize, seconds: u64) -> Outcome<Sample> {
        self.load.prepare()?;
        self.processes.iter().try_for_each(|process| process.truncate_log())?;
        let [before, _] = usage(&self.processes)?;
        let (requests, [rate, p50, p99]) = self.load.send(self.address, connections, seconds)?;
        let [after, memory] = usage(&self.processes)?;
        Ok([rate, p50, p99, (after - before) * 1e6 / requests, memory])
    }
}

impl Runs {
    /// A row of each target, with medians; `what` is in the first column.
    pub(crate) fn rows(&self, what: &str) -> Vec<Vec<String>> {
        let row = |(name, samples): &(&'static str, Vec<Sample>)| {
            let columns =
                (0..5).map(|at| median(samples.iter().filter_map(|sample| sample.get(at).copied())));
            let cells = columns.chain([self.rate(name)]).map(figure);
            [what, name].into_iter().map(str::to_owned).chain(cells).collect()
        };
        self.0.iter().map(row).collect()
    }

    /// The requests a second of each target.
    pub(crate) fn rates(&self) -> impl Iterator<Item = (&'static str, f64)> {
        self.0.iter().map(|(name, samples)| (*name, median(samples.iter().map(|[rate, ..]| *rate))))
    }

    /// The rounds' ratios of a figure of the first target to that of another: a disturbance of a whole round affects both.
    pub(crate) fn ratios(&self, name: &str, figure: fn(&Sample) -> f64) -> Vec<f64> {
        let other = self.0.iter().find(|(other, _)| *other == name);
        let pairs =
            self.0.iter().take(1).zip(other).flat_map(|((_, first), (_, other))| first.iter().zip(other));
        pairs.map(|(first, other)| figure(first) / figure(other)).collect()
    }

    /// The median ratio of requests a second.
    pub(crate) fn rate(&self, name: &str) -> f64 {
        median(self.ratios(name, |[rate, ..]| *rate))
    }
}

/// The median; the mean of the middle two of an even number of values; not a number if there are none.
pub(crate) fn median(figures: impl IntoIterator<Item = f64>) -> f64 {
    let mut figures: Vec<_> = figures.into_iter().collect();
    figures.sort_by(f64::total_cmp);
    let at = |at: usize| figures.get(at).copied().unwrap_or(f64::NAN);
    (at(figures.len().saturating_sub(1) / 2) + at(figures.len() / 2)) / 2.0
}
