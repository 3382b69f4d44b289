//! `cargo run`: the whole stack on one's own machine.

use std::{path::PathBuf, process::ExitCode};

use clap::Parser;
use local_stack::{Plan, Ports, Stack, demo};
use service_runtime::{
    command::{StartError, stop_signal},
    telemetry,
};

/// The whole stack on one's own machine: FlexWebchatOrchestratorService, FederatedAuthService and ScopedAuthService.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Where keys, accounts and conversations are kept; what is missing there is made
    #[arg(long, default_value = "data")]
    data: PathBuf,
    /// Listen on free ports instead of 8080 to 8082 and 9080 to 9082
    #[arg(long)]
    free_ports: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    telemetry::start();
    match run(&arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "not started");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: &Arguments) -> Result<(), StartError> {
    let mut plan = Plan::designed(&arguments.data);
    if arguments.free_ports {
        plan.ports = Ports::Free;
    }
    let stack = Stack::start(&plan).await?;
    tell(&stack, &arguments.data);
    stop_signal().await?;
    tracing::info!("stopping");
    stack.stop().await;
    Ok(())
}

#[allow(clippy::print_stdout, reason = "what a person who starts the stack wants to read")]
fn tell(stack: &Stack, data: &std::path::Path) {
    let row = |name: &str, running: &service_runtime::Running| {
        println!(
            "  {name:<32} http://{:<21} /metrics, /readyz: http://{}",
            running.address, running.admin_address
        );
    };
    println!("\nThe stack is up; Ctrl-C stops it. Its files are in {}.\n", data.display());
    row("FlexWebchatOrchestratorService", &stack.orchestrator);
    row("FederatedAuthService", &stack.federated_auth);
    row("ScopedAuthService", &stack.scoped_auth);
    println!(
        "\nDeployments: {} (webchat security on), {} (off)\n\nCreate a token, refresh it, open the conversation:\n",
        demo::DEPLOYMENT_ON,
        demo::DEPLOYMENT_OFF
    );
    for line in demo::curl_lines(stack.orchestrator.address, demo::DEPLOYMENT_ON) {
        println!("{line}\n");
    }
}
