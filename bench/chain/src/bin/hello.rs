//! The ceiling of one hop: an actix-web server that returns the same bytes as a service and does nothing else.

use std::process::ExitCode;

use chain_bench::{exit, yardstick};
use clap::Parser;
use service_runtime::allocator::Allocator;

#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

fn main() -> ExitCode {
    exit("hello", yardstick::serve(&yardstick::Arguments::parse(), None))
}
