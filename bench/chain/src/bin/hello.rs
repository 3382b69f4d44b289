//! The ceiling of one hop: an actix-web server that answers the same bytes as a service does, and nothing else.

use std::process::ExitCode;

use chain_bench::{exit, yardstick};
use clap::Parser;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    exit("hello", yardstick::serve(&yardstick::Arguments::parse(), None))
}
