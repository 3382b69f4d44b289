//! The command line shared by all services: serves without a subcommand; `healthcheck` queries the readiness of a
//! running service; `--help` lists the settings.

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
    server::{Addresses, Listeners, Running, bind},
    settings::{self, Environment, Setting, SettingError},
    telemetry,
};

/// Open files needed for connections, of clients and to other services, and files.
const OPEN_FILES: u64 = 65_536;

/// A service's command line.
#[derive(Clone, Copy, Debug)]
pub struct Program {
    /// Name of the binary.
    pub name: &'static str,
    /// One-line description.
    pub about: &'static str,
    /// Prefix of its environment variables.
    pub prefix: &'static str,
    /// Its settings, a struct's [`Setting::list`].
    pub settings: fn() -> Vec<Setting>,
    /// Reads the addresses of its listeners, and no other setting.
    pub addresses: fn(&Environment) -> Result<Addresses, SettingError>,
    /// Its own subcommands.
    pub subcommands: &'static [Subcommands],
}

/// A group of a service's own subcommands.
#[derive(Clone, Copy, Debug)]
pub struct Subcommands {
    /// Their definitions.
    pub commands: fn() -> Vec<Command>,
    /// Runs the named subcommand with its arguments.
    pub run: fn(&str, &ArgMatches, &Environment) -> Result<(), StartError>,
}

/// A startup error, on one line.
pub type StartError = Box<dyn std::error::Error + Send + Sync>;

impl Program {
    /// Parses the command line and runs it. `start` reads the settings and starts the service.
    pub fn run<F>(self, start: impl FnOnce(Environment, Listeners) -> F) -> ExitCode
    where
        F: Future<Output = Result<Running, StartError>>,
    {
        let matches = self.command().get_matches();
        let done = self
            .environment(Environment::of_process())
            .map_err(StartError::from)
            .and_then(|environment| self.dispatch(&matches, environment, start));
        match done {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                // Written to stderr, because the log may not have started.
                let _ = writeln!(std::io::stderr(), "{}: {error}", self.name);
                ExitCode::FAILURE
            }
        }
    }

    /// The variables of this service.
    pub fn environment(
        self,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Environment, SettingError> {
        Environment::read(self.prefix, (self.settings)(), variables)
    }

    /// The clap definition.
    pub fn command(self) -> Command {
        Command::new(self.name)
            .subcommands(self.subcommands.iter().flat_map(|subcommands| (subcommands.commands)()))
            .about(self.about)
            .after_help(settings::help(self.prefix, &(self.settings)()))
            .version(env!("CARGO_PKG_VERSION"))
            .subcommand(
                Command::new("completions")
                    .about("Print shell completions: `source <(… completions bash)`")
                    .arg(Arg::new("SHELL").required(true).value_parser(clap::value_parser!(Shell))),
            )
            .subcommand(
                Command::new("healthcheck")
                    .about("Check whether a running service on this machine is ready")
                    .arg(
                        Arg::new("ADDRESS")
                            .help("Address of its admin listener; by default the setting `admin_listen`"),
                    ),
            )
    }

    fn dispatch<F>(
        self,
        matches: &ArgMatches,
        environment: Environment,
        start: impl FnOnce(Environment, Listeners) -> F,
    ) -> Result<(), StartError>
    where
        F: Future<Output = Result<Running, StartError>>,
    {
        match matches.subcommand() {
            Some(("healthcheck", arguments)) => {
                let address = match arguments.get_one::<String>("ADDRESS") {
                    Some(text) => text.parse().map_err(|_| "ADDRESS: expected an IP address and a port")?,
                    None => (self.addresses)(&environment)?.admin_listen,
                };
                return healthcheck(address);
            }
            Some(("completions", arguments)) => {
                if let Some(shell) = arguments.get_one::<Shell>("SHELL") {
                    let mut script = Vec::new();
                    clap_complete::generate(*shell, &mut self.command(), self.name, &mut script);
                    // The reader may want only the beginning.
                    let _ = std::io::stdout().write_all(&script);
                }
                return Ok(());
            }
            Some((name, arguments)) => {
                let has = |subcommands: &&Subcommands| {
                    (subcommands.commands)().iter().any(|command| command.get_name() == name)
                };
                // clap has validated the name.
                let Some(subcommands) = self.subcommands.iter().find(has) else { return Ok(()) };
                return (subcommands.run)(name, arguments, &environment);
            }
            None => {}
        }
        let Addresses { listen, admin_listen } = (self.addresses)(&environment)?;
        let bound = |name, address| bind(address).map_err(|error| environment.error(name, error));
        let listeners = Listeners {
            service: Some(bound("listen", listen)?),
            admin: bound("admin_listen", admin_listen)?,
        };
        // Dropped last, so that messages of the runtime's shutdown are logged.
        let _log = telemetry::start();
        allow_open_files();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        for name in environment.unknown() {
            tracing::warn!(setting = name, "unknown setting");
        }
        runtime.block_on(async {
            let running = start(environment, listeners).await?;
            let mut signals = StopSignals::listen()?;
            signals.next().await;
            tracing::info!(service = self.name, "stopping");
            // A second signal skips the graceful drain.
            tokio::select! {
                () = running.stop() => {}
                () = signals.next() => {}
            }
            Ok(())
        })
    }
}

/// SIGINT (Ctrl-C) and SIGTERM.
#[derive(Debug)]
pub struct StopSignals {
    interrupt: Signal,
    terminate: Signal,
}

impl StopSignals {
    /// Registers handlers: from now on, signals no longer end the process but resolve [`next`](Self::next).
    pub fn listen() -> Result<Self, StartError> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// Waits for the next signal.
    pub async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// `GET /readyz`, written by hand: a health check runs every few seconds and should be cheap.
fn healthcheck(mut address: SocketAddr) -> Result<(), StartError> {
    if address.ip().is_unspecified() {
        address.set_ip(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    let deadline = Duration::from_secs(2);
    let mut stream =
        TcpStream::connect_timeout(&address, deadline).map_err(|error| format!("{address}: {error}"))?;
    stream.set_read_timeout(Some(deadline))?;
    stream.write_all(b"GET /readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")?;
    let mut response = String::new();
    stream.take(4096).read_to_string(&mut response)?;
    if response.starts_with("HTTP/1.1 200 ") {
        return Ok(());
    }
    Err(response.split("\r\n\r\n").nth(1).unwrap_or("no response").to_owned().into())
}

/// Raises the limit of open files: every connection is one, and many systems default to 1,024.
fn allow_open_files() {
    let limits = getrlimit(Resource::Nofile);
    let wanted =
        Rlimit { current: limits.maximum.map(|most| most.min(OPEN_FILES)).or(Some(OPEN_FILES)), ..limits };
    if limits.current.is_some_and(|current| current < OPEN_FILES)
        && let Err(error) = setrlimit(Resource::Nofile, wanted)
    {
        tracing::warn!(%error, "cannot raise the limit of open files");
    }
}
