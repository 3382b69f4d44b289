//! A link of the null chain: forwards the same bodies over as many calls as a service does, and does nothing else.

use std::{net::SocketAddr, process::ExitCode};

use chain_bench::{exit, yardstick};
use clap::Parser;
use service_runtime::allocator::Allocator;

#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

/// A link of the null chain.
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    yardstick: yardstick::Arguments,
    /// The next link, which is sent the script's requests; without it this is the last one
    #[arg(long)]
    next: Option<SocketAddr>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    exit("null-link", yardstick::serve(&arguments.yardstick, arguments.next))
}
