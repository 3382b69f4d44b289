//! The throughput and latency of the service chain, compared with two yardsticks that run interleaved with it: one
//! server that returns the same bytes at once, and a chain of servers that forward the same bodies over as many hops
//! and do nothing else.

mod accounts;
mod browser;
mod express;
mod free_list;
mod goals;
mod http;
mod machine;
mod measure;
mod median;
mod minting;
pub mod path;
pub mod plan;
mod plot;
mod process;
mod recorder;
mod recording;
mod report;
mod results;
mod revoked;
mod rivals;
mod scale;
pub mod script;
mod soak;
mod stack;
mod start_up;
mod throughput;
mod workload;
mod wrk;
pub mod yardstick;
mod yardsticks;

use std::{error::Error, path::Path, process::ExitCode};

use service_runtime::Clock;

use results::Results;

/// An error message of one line.
pub type Failure = Box<dyn Error + Send + Sync>;

/// A result, or why there is none.
pub type Outcome<T> = Result<T, Failure>;

/// Runs the measurements of the command line and prints the results.
///
/// # Errors
/// If something does not start, or a request does not get its expected response.
pub fn run(arguments: &plan::Arguments) -> Outcome<()> {
    let folder = tempfile::tempdir()?;
    let folder = folder.path();
    let recordings = recording::Recordings::make(&folder.join("recording"))?;
    let validate = &recordings.validate;
    let mut results = Results {
        date: Clock::system().now().format("%Y-%m-%d").to_string(),
        machine: machine::machine(),
        command: command(),
        plan: plan::Plan::new(arguments),
        throughput: Vec::new(),
        without_express: express::installed_packages().err(),
        start_up: Vec::new(),
        scale: None,
        soak: None,
    };
    if arguments.soak {
        let seconds = if arguments.quick { 3 } else { 60 };
        let soak = soak::measure(seconds, validate, &folder.join("soak"))?;
        print_progress(&report::soak_part(&results, &soak));
        results.soak = Some(soak);
    } else {
        if arguments.only.is_empty() {
            results.start_up =
                start_up::measure(if arguments.quick { 3 } else { 10 }, &folder.join("start"))?;
        }
        {
            let stack = stack::Plan::new(folder.join("stack")).start()?;
            results.throughput =
                throughput::measure(&results.plan, &stack, &recordings, &folder.join("paths"))?;
        }
        if !arguments.no_scale && arguments.only.is_empty() {
            let extent = if arguments.quick {
                scale::Extent { many: 20_000, rounds: 1, seconds: 1 }
            } else {
                scale::Extent { many: 1_000_000, rounds: 11, seconds: 2 }
            };
            results.scale = Some(scale::measure(extent, validate, &folder.join("scale"))?);
        }
        print_progress(&report::measured_part(&results));
    }
    let is_whole = !arguments.quick && arguments.only.is_empty() && (!arguments.no_scale || arguments.soak);
    match &arguments.docs {
        Some(docs) => report::write(&results, docs),
        None if is_whole => report::write(&results, Path::new("docs")),
        None => Ok(()),
    }
}

fn command() -> String {
    let arguments = std::env::args().skip(1);
    ["bench/run".to_owned()].into_iter().chain(arguments).collect::<Vec<_>>().join(" ")
}

/// The end of a program.
#[allow(clippy::print_stderr, reason = "the error message of the program")]
pub fn exit(program: &str, outcome: Outcome<()>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{program}: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Prints progress to standard output.
#[allow(clippy::print_stdout, reason = "progress is the output of this program")]
fn print_progress(line: &str) {
    println!("{line}");
}
