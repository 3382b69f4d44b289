//! The sections of the page. Each has a block between markers in docs/performance.md.

mod flat;
mod one_call;
mod postgres;
mod rivals;
mod start;

use std::{fs, net::SocketAddr, path::Path as Folder, path::PathBuf, process::Command};

use clap::ValueEnum;
use tempfile::TempDir;

use crate::{
    Arguments, Outcome,
    accounts::{FIRST, called},
    http::{Connection, call_all, member},
    measure::{HEAD, Target, compare, median},
    page::{Goal, Report, figure, table},
    process::{Process, free_address, output, usage},
    requests::{self, Path},
    stack::{Plan, Stack, own_programs},
    wrk::Load,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Section {
    Rivals,
    OneCall,
    Postgresql,
    Flat,
    Start,
    // These run the orchestrator's tests, whose build replaces its program by one with fewer features of dependencies: so
    // nothing that measures the program comes after them.
    Waiting,
    Overload,
    Desk,
    FirstBuild,
}

/// What a section is measured with: the command line, and a folder for files.
pub(crate) struct Bench<'a> {
    pub(crate) arguments: &'a Arguments,
    pub(crate) folder: TempDir,
}

impl Section {
    /// The name on the command line and on the page.
    pub(crate) fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    pub(crate) fn run(self, bench: &Bench<'_>) -> Outcome<Report> {
        match self {
            Self::Rivals => rivals::measure(bench),
            Self::OneCall => one_call::measure(bench),
            Self::Postgresql => postgres::measure(bench),
            Self::Flat => flat::measure(bench),
            Self::Waiting => run_test("pressure::ten_thousand_guests_wait"),
            Self::Overload => run_test("pressure::overload_is_shed_at_once_and_recovers"),
            Self::Desk => run_test("webhooks::load::messages_both_ways"),
            Self::Start => start::measure(bench),
            Self::FirstBuild => start::first_build(bench),
        }
    }
}

impl Bench<'_> {
    /// How often and how long targets are measured, as text.
    fn effort(&self) -> String {
        format!("{} rounds of {} s, medians", self.arguments.rounds, self.arguments.seconds)
    }

    /// A file or folder of this section.
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A stack of this build on SQLite, with one deployment.
    fn plan(&self, name: &str) -> Outcome<Plan> {
        Plan::new(self.path(name), 1)
    }
}

/// Runs a test of the orchestrator that is ignored unless it is named, and reads its lines
/// `figure|NAME|VALUE|UNIT|AT MOST`; the last is empty if the figure has no goal.
fn run_test(test: &str) -> Outcome<Report> {
    let arguments = "test --release --locked -p orchestrator --test it -- --ignored --nocapture --exact";
    let said = output(Command::new("cargo").args(arguments.split(' ')).arg(test))?;
    let (mut goals, mut rows) = (Vec::new(), Vec::new());
    for line in said.lines().filter_map(|line| line.strip_prefix("figure|")) {
        let [name, value, unit, most] = *line.split('|').collect::<Vec<_>>() else { continue };
        let value: f64 = value.parse()?;
        rows.push(vec![name.to_owned(), format!("{} {unit}", figure(value))]);
        if let Ok(most) = most.parse() {
            goals.push(Goal::at_most(name.to_owned(), most, value, unit));
        }
    }
    Ok(Report { goals, text: format!("One run.\n{}", table(&["", "measured"], &rows)) })
}
