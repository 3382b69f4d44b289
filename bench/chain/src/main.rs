//! The harness's binary.

use std::process::ExitCode;

use chain_bench::{exit, plan::Arguments, run};
use clap::Parser;

fn main() -> ExitCode {
    exit("chain-bench", run(&Arguments::parse()))
}
