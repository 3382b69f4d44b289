//! What is measured, and for how long.

use std::path::PathBuf;

use clap::Parser;

use crate::path::Path;

/// Measures the services beside yardsticks of its own. Started by bench/run, which builds all of them alike.
#[derive(Parser)]
#[command(version)]
pub struct Arguments {
    /// One round, a second for each measurement: to see that it works, not to believe the figures
    #[arg(long)]
    pub quick: bool,
    /// These paths alone, comma separated, and neither start nor scale
    #[arg(long, value_enum, value_delimiter = ',', value_name = "PATHS")]
    pub only: Vec<Path>,
    /// Without the measurements beside a million deployments, a million revoked sessions and 64 keys
    #[arg(long)]
    pub no_scale: bool,
    /// Ten minutes of create and refresh at full load instead, and what memory does meanwhile
    #[arg(long)]
    pub soak: bool,
    /// Where performance.md and performance.svg are written; by default only a whole run writes, into docs
    #[arg(long, value_name = "DIRECTORY")]
    pub docs: Option<PathBuf>,
}

/// What is measured.
pub(crate) struct Plan {
    /// How often each measurement is made.
    pub(crate) rounds: usize,
    /// How long each takes.
    pub(crate) seconds: u64,
    /// On which paths.
    pub(crate) paths: Vec<Path>,
    /// With how many connections.
    pub(crate) connections: Vec<usize>,
}

impl Plan {
    /// What the command line asks for.
    pub(crate) fn new(arguments: &Arguments) -> Self {
        let (rounds, seconds) = if arguments.quick { (1, 1) } else { (3, 3) };
        let paths = if arguments.only.is_empty() { Path::ALL.to_vec() } else { arguments.only.clone() };
        Self { rounds, seconds, paths, connections: vec![1, 16, 64] }
    }
}
