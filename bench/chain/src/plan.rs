//! What is measured, and for how long.

use std::path::PathBuf;

use clap::Parser;

use crate::path::Path;

/// Measures the services and their yardsticks. Started by bench/run, which builds all of them alike.
#[derive(Parser)]
#[command(version)]
pub struct Arguments {
    /// One round of one second per measurement: a smoke test whose figures mean nothing
    #[arg(long)]
    pub quick: bool,
    /// Only these paths, comma separated, without start-up and scale
    #[arg(long, value_enum, value_delimiter = ',', value_name = "PATHS")]
    pub only: Vec<Path>,
    /// Skip the measurements with a million deployments, a million revoked sessions and 64 keys
    #[arg(long)]
    pub no_scale: bool,
    /// Instead: ten minutes of create and refresh at full load, and the memory meanwhile
    #[arg(long)]
    pub soak: bool,
    /// Folder for performance.md and performance.svg; by default only a full run writes, into docs
    #[arg(long, value_name = "DIRECTORY")]
    pub docs: Option<PathBuf>,
}

/// The plan of the measurements.
pub(crate) struct Plan {
    /// The number of rounds.
    pub(crate) rounds: usize,
    /// The seconds of each measurement.
    pub(crate) seconds: u64,
    /// The paths.
    pub(crate) paths: Vec<Path>,
    /// The numbers of connections.
    pub(crate) connections: Vec<usize>,
}

impl Plan {
    /// The plan of the command line's arguments.
    pub(crate) fn new(arguments: &Arguments) -> Self {
        let (rounds, seconds) = if arguments.quick { (1, 1) } else { (3, 3) };
        let paths = if arguments.only.is_empty() { Path::ALL.to_vec() } else { arguments.only.clone() };
        Self { rounds, seconds, paths, connections: vec![1, 16, 64] }
    }
}
