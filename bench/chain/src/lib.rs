//! How fast the chain of services is, held against two yardsticks that run in the same breath: one server that answers the
//! same bytes at once, and a chain of servers that pass the same bodies over as many hops and do nothing else.

mod accounts;
mod browser;
mod free_list;
mod http;
mod measure;
mod median;
mod minting;
pub mod path;
pub mod plan;
mod process;
mod recorder;
mod recording;
pub mod script;
mod stack;
mod throughput;
mod workload;
mod wrk;
pub mod yardstick;
mod yardsticks;

use std::{error::Error, process::ExitCode};

/// Why there is no result, in one line.
pub type Failure = Box<dyn Error + Send + Sync>;

/// A result, or why there is none.
pub type Outcome<T> = Result<T, Failure>;

/// Measures what the command line asks for, and tells it.
///
/// # Errors
/// If something does not start, or does not answer every request as asked.
pub fn run(arguments: &plan::Arguments) -> Outcome<()> {
    let folder = tempfile::tempdir()?;
    let plan = plan::Plan::new(arguments);
    let recordings = recording::Recordings::make(&folder.path().join("recording"))?;
    let stack = stack::Plan::new(folder.path().join("stack")).start()?;
    throughput::measure(&plan, &stack, &recordings, &folder.path().join("paths"))?;
    Ok(())
}

/// The end of a program.
#[allow(clippy::print_stderr, reason = "whoever started the program sees the reason in one line")]
pub fn exit(program: &str, outcome: Outcome<()>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{program}: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Tells whoever waits what has been measured.
#[allow(clippy::print_stdout, reason = "what a person who measures wants to read")]
fn tell(line: &str) {
    println!("{line}");
}
