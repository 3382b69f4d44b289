//! The command line that every service has: without an argument it serves, `healthcheck` asks a running one whether it
//! is ready, `--help` lists the settings.

use std::{
    future::Future,
    io::{Read, Write},
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream},
    process::ExitCode,
    time::Duration,
};

use clap::{Arg, ArgMatches, Command};
use clap_complete::Shell;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::{
    server::{Listeners, Running},
    settings::{Requirement, Setting, Settings},
    telemetry,
};

/// The connections that a service holds, those to its peers, and its files.
const OPEN_FILES: u64 = 16_384;

/// What the command line needs to know of a service.
#[derive(Clone, Copy, Debug)]
pub struct Program {
    /// The binary's name.
    pub name: &'static str,
    /// What it is, in one line.
    pub about: &'static str,
    /// What its settings begin with.
    pub prefix: &'static str,
    /// Its settings. `listen` and `admin_listen` are among them.
    pub settings: &'static [Setting],
    /// What it can be asked to do besides serving.
    pub tools: &'static [Subcommands],
}

/// Subcommands beside those that every service has.
#[derive(Clone, Copy, Debug)]
pub struct Subcommands {
    /// Their form.
    pub commands: fn() -> Vec<Command>,
    /// Does what one of them, named and with its arguments, says.
    pub run: fn(&str, &ArgMatches, &Settings) -> Result<(), StartError>,
}

/// A failed start, in one line.
pub type StartError = Box<dyn std::error::Error + Send + Sync>;

impl Program {
    /// Does what the command line says. `start` reads the settings and begins to serve.
    pub fn run<F>(self, start: impl FnOnce(Settings, Listeners) -> F) -> ExitCode
    where
        F: Future<Output = Result<Running, StartError>>,
    {
        let matches = self.command().get_matches();
        let done = Settings::read(self.prefix, self.settings, Settings::environment())
            .map_err(StartError::from)
            .and_then(|settings| self.dispatch(&matches, settings, start));
        match done {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                // Before or beside the log: whoever started the program sees the reason in one line.
                let _ = writeln!(std::io::stderr(), "{}: {error}", self.name);
                ExitCode::FAILURE
            }
        }
    }

    /// The command line's form.
    pub fn command(self) -> Command {
        Command::new(self.name)
            .subcommands(self.tools.iter().flat_map(|tools| (tools.commands)()))
            .about(self.about)
            .after_help(self.settings_help())
            .version(env!("CARGO_PKG_VERSION"))
            .subcommand(
                Command::new("completions")
                    .about("Print the completions for a shell: `source <(… completions bash)`")
                    .arg(Arg::new("SHELL").required(true).value_parser(clap::value_parser!(Shell))),
            )
            .subcommand(
                Command::new("healthcheck")
                    .about("Ask a running service on this machine whether it is ready")
                    .arg(
                        Arg::new("ADDRESS")
                            .help("Its admin listener; by default the one that the settings name"),
                    ),
            )
    }

    fn dispatch<F>(
        self,
        matches: &ArgMatches,
        settings: Settings,
        start: impl FnOnce(Settings, Listeners) -> F,
    ) -> Result<(), StartError>
    where
        F: Future<Output = Result<Running, StartError>>,
    {
        match matches.subcommand() {
            Some(("healthcheck", arguments)) => {
                let address = match arguments.get_one::<String>("ADDRESS") {
                    Some(text) => text.parse().map_err(|_| "ADDRESS: expected an IP address and a port")?,
                    None => settings.address("admin_listen")?,
                };
                return healthcheck(address);
            }
            Some(("completions", arguments)) => {
                if let Some(shell) = arguments.get_one::<Shell>("SHELL") {
                    clap_complete::generate(*shell, &mut self.command(), self.name, &mut std::io::stdout());
                }
                return Ok(());
            }
            Some((name, arguments)) => {
                let has = |tools: &&Subcommands| {
                    (tools.commands)().iter().any(|command| command.get_name() == name)
                };
                // clap has seen to it that one of them has it.
                let Some(tools) = self.tools.iter().find(has) else { return Ok(()) };
                return (tools.run)(name, arguments, &settings);
            }
            None => {}
        }
        let listeners = Listeners::bind(settings.address("listen")?, settings.address("admin_listen")?)?;
        // Dropped last: what the runtime's end has to tell is in the log too.
        let _log = telemetry::start();
        allow_open_files();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        for name in settings.unknown() {
            tracing::warn!(setting = name, "this setting is not known");
        }
        runtime.block_on(async {
            let running = start(settings, listeners).await?;
            let mut signals = StopSignals::listen()?;
            signals.next().await;
            tracing::info!(service = self.name, "stopping");
            // Whoever asks twice will not wait.
            tokio::select! {
                () = running.stop() => {}
                () = signals.next() => {}
            }
            Ok(())
        })
    }

    fn settings_help(self) -> String {
        let mut help = String::from("Settings (environment variables):\n");
        for setting in self.settings {
            let name = format!("{}{}", self.prefix, setting.name.to_uppercase());
            let default = match setting.default {
                Requirement::Required => "required".to_owned(),
                Requirement::Optional => "optional".to_owned(),
                Requirement::Secret => format!("required, or {name}_FILE"),
                Requirement::OptionalSecret => format!("optional, or {name}_FILE"),
                Requirement::DefaultSecret(value) => format!("default {value}, or {name}_FILE"),
                Requirement::Default(value) => format!("default {value}"),
            };
            help.push_str(&format!("  {name}\n      {} [{default}]\n", setting.help));
        }
        help
    }
}

/// SIGINT (Ctrl-C) and SIGTERM, each of which is heard once.
#[derive(Debug)]
pub struct StopSignals {
    interrupt: Signal,
    terminate: Signal,
}

impl StopSignals {
    /// From now on a signal waits for [`next`](Self::next) instead of ending the process.
    pub fn listen() -> Result<Self, StartError> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// Waits for a signal.
    pub async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// `GET /readyz`. By hand: a health check is started every few seconds and should cost next to nothing.
fn healthcheck(mut address: SocketAddr) -> Result<(), StartError> {
    if address.ip().is_unspecified() {
        address.set_ip(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    let deadline = Duration::from_secs(2);
    let mut stream =
        TcpStream::connect_timeout(&address, deadline).map_err(|error| format!("{address}: {error}"))?;
    stream.set_read_timeout(Some(deadline))?;
    stream.write_all(b"GET /readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.take(4096).read_to_string(&mut answer)?;
    if answer.starts_with("HTTP/1.1 200 ") {
        return Ok(());
    }
    Err(answer.split("\r\n\r\n").nth(1).unwrap_or("no answer").to_owned().into())
}

/// Every connection is an open file, and the default of many systems is 1,024: raises it as far as this process may.
fn allow_open_files() {
    let limits = getrlimit(Resource::Nofile);
    let wanted =
        Rlimit { current: limits.maximum.map(|most| most.min(OPEN_FILES)).or(Some(OPEN_FILES)), ..limits };
    if limits.current.is_some_and(|current| current < OPEN_FILES)
        && let Err(error) = setrlimit(Resource::Nofile, wanted)
    {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
}
