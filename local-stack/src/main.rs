//! `cargo run`: the whole stack on the local machine, and a customer's site that uses it.

use std::{
    io::{self, IsTerminal},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Parser;
use local_stack::{
    ClockOffset, Demonstration, Edge, Ports, Stack, StackConfig, TraceEvents, demo, secrets, site,
};
use service_runtime::{
    Clock,
    allocator::Allocator,
    command::{StartError, StopSignals},
    random::Random,
    telemetry,
};

#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

/// The whole stack on the local machine: FlexWebchatOrchestratorService, FederatedAuthService and ScopedAuthService, and
/// a page that uses them.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Folder of keys, accounts and conversations; missing files are created
    #[arg(long, default_value = "data")]
    data: PathBuf,
    /// Listen on free ports instead of 8000, 8080 to 8084, 8090 and 9080 to 9082
    #[arg(long)]
    free_ports: bool,
    /// Do not start Starship even if nginx is installed: the page calls FlexWebchatOrchestratorService directly
    #[arg(long)]
    without_starship: bool,
    /// Start only the services, without Starship and the customer's site
    #[arg(long)]
    without_page: bool,
    /// Connect the three services in memory: one process, no internal network, only FlexWebchatOrchestratorService listens
    #[arg(long)]
    in_process: bool,
}

// Requests run on threads of their own; all other tasks run on this one and wake no other thread.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let ended = if arguments.without_page {
        let _log = telemetry::start();
        told(services(&arguments).await)
    } else {
        let arrows = TraceEvents::default();
        let _log = telemetry::start_with_layer(arrows.layer(), default_filter());
        told(demonstration(&arguments, arrows).await)
    };
    if ended { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Log filter of the demonstration without `RUST_LOG`. On a terminal, the access lines of the page's waiting calls would scroll
/// the addresses away; the page draws these calls.
fn default_filter() -> &'static str {
    if io::stderr().is_terminal() { "info,actix_server=warn,access=off" } else { telemetry::DEFAULT_FILTER }
}

/// Logs the error, if any. Returns whether it succeeded.
fn told(ended: Result<(), StartError>) -> bool {
    ended
        .inspect_err(|error| {
            tracing::error!(%error, "start failed");
            let is_in_use = |error: &io::Error| error.kind() == io::ErrorKind::AddrInUse;
            if error.downcast_ref().is_some_and(is_in_use) {
                tracing::error!("`--free-ports` starts the stack beside what runs there");
            }
        })
        .is_ok()
}

/// File of the secret of proxies, in the folder of the data.
const AUTHORIZE_SECRET: &str = "authorize.secret";

fn config(arguments: &Arguments) -> io::Result<StackConfig> {
    let ports = if arguments.free_ports { Ports::Free } else { Ports::Designed };
    secrets::create_folder(&arguments.data)?;
    let secret = secrets::kept_secret(&arguments.data.join(AUTHORIZE_SECRET), &Random::default())?;
    let authorize_secret = Some(secret);
    let in_process = arguments.in_process;
    Ok(StackConfig { ports, in_process, authorize_secret, ..StackConfig::in_folder(&arguments.data) })
}

async fn services(arguments: &Arguments) -> Result<(), StartError> {
    // Not the system clock, which may be behind the tokens that the demo page's buttons have left.
    let config = StackConfig { clock: Clock::adjustable(), ..config(arguments)? };
    ClockOffset::restore(&arguments.data, &config.clock)?;
    let stack = Stack::start(&config).await?;
    let Stack { orchestrator, desk_address, authorize_address, federated_auth, scoped_auth, .. } = &stack;
    // Before the output says that it is up: from then on, a signal must stop it cleanly.
    let mut signals = StopSignals::listen()?;
    tell_beginning(&arguments.data);
    for (name, running) in [
        ("FlexWebchatOrchestratorService", orchestrator),
        ("FederatedAuthService", federated_auth),
        ("ScopedAuthService", scoped_auth),
    ] {
        tell_service(name, running.listens_on(), running.admin_address);
    }
    tell_desk(*desk_address);
    tell_authorize(*authorize_address, &arguments.data);
    tell_lines(orchestrator.address(), *desk_address, &arguments.data);
    signals.next().await;
    tracing::info!("stopping");
    stack.stop().await;
    Ok(())
}

async fn demonstration(arguments: &Arguments, arrows: TraceEvents) -> Result<(), StartError> {
    // The page's buttons advance the clock.
    let config = StackConfig { clock: Clock::adjustable(), ..config(arguments)? };
    let edge = if arguments.without_starship { Edge::Open } else { Edge::StarshipIfInstalled };
    let demonstration = Demonstration::start(config, edge, arrows).await?;
    let mut signals = StopSignals::listen()?;
    tell(&demonstration, &arguments.data);
    signals.next().await;
    tracing::info!("stopping");
    demonstration.stop().await?;
    Ok(())
}

#[allow(clippy::print_stdout, reason = "output for the developer who starts the stack")]
fn tell(demonstration: &Demonstration, data: &Path) {
    let Demonstration {
        orchestrator, desk_address, authorize_address, federated_auth, starship, site, ..
    } = demonstration;
    tell_beginning(data);
    println!(
        "  Look here first: {}  a guest's chat, the desk that answers, and the calls as they flow\n",
        site::origin(site.address)
    );
    match starship {
        Some(starship) => println!("  {:<32} http://{}", "Starship, an nginx", starship.address),
        None => println!("  {:<32} none; the page calls the orchestrator itself", "Starship"),
    }
    tell_service("FlexWebchatOrchestratorService", orchestrator.listens_on(), orchestrator.admin_address);
    tell_service("FederatedAuthService", federated_auth.listens_on(), federated_auth.admin_address);
    let (scoped_auth, admin) = (demonstration.scoped_auth_address, demonstration.scoped_auth_admin_address);
    tell_service("ScopedAuthService", scoped_auth, admin);
    tell_desk(*desk_address);
    tell_authorize(*authorize_address, data);
    tell_lines(orchestrator.address(), *desk_address, data);
}

#[allow(clippy::print_stdout, reason = "as above")]
fn tell_beginning(data: &Path) {
    println!("\nThe stack is up; Ctrl-C stops it. Its files are in {}.\n", data.display());
}

#[allow(clippy::print_stdout, reason = "as above")]
fn tell_service(name: &str, address: Option<SocketAddr>, admin: SocketAddr) {
    let address = address.map_or("in this process".to_owned(), |address| format!("http://{address}"));
    println!("  {name:<32} {address:<28} /metrics, /readyz: http://{admin}");
}

#[allow(clippy::print_stdout, reason = "as above")]
fn tell_desk(desk: SocketAddr) {
    println!("  {:<32} http://{desk}  for servers with an API key of accounts.toml", "The desk's API");
}

#[allow(clippy::print_stdout, reason = "as above")]
fn tell_authorize(authorize: Option<SocketAddr>, data: &Path) {
    if let Some(address) = authorize {
        let secret = data.join(AUTHORIZE_SECRET);
        println!(
            "  {:<32} http://{address}  for proxies with the secret in {}",
            "Authorize",
            secret.display()
        );
    }
}

#[allow(clippy::print_stdout, reason = "as above")]
fn tell_lines(orchestrator: SocketAddr, desk: SocketAddr, data: &Path) {
    println!(
        "\nDeployments: {} (webchat security on), {} (off)\n\nCreate a token, refresh it, open the conversation:\n",
        demo::DEPLOYMENT_ON,
        demo::DEPLOYMENT_OFF
    );
    for line in demo::curl_lines(orchestrator, demo::DEPLOYMENT_ON) {
        println!("{line}\n");
    }
    println!("List the conversations as the desk, which answers them (docs/desk.md):\n");
    println!("{}\n", demo::desk_curl_line(desk, data));
    println!(
        "Log: RUST_LOG=info has a line per request, RUST_LOG=warn only warnings (docs/observability.md).\n"
    );
}
