//! The three services as release binaries, each with its own process, log and store, on free ports.

use std::{
    env, fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{
    Outcome, accounts,
    process::{Process, free_address},
    recorder::Recorder,
    revoked,
};

/// The shared secrets of FWO with FAS, and of FAS with SAS: as long as production ones.
const SECRETS: [&str; 2] =
    ["measured-orchestrator-to-federated-auth-0001", "measured-federated-auth-to-scoped-auth-0002"];
const FINGERPRINT_KEY: &str = "5d1fb05d2c1f5b7ac0a31f9f6f6a1a3f2d7c1e9b8a7d6c5b4a39281706f5e4d3";

/// FWO reads accounts before it is ready, SAS reads revocations: a million of them take a while.
const START: Duration = Duration::from_secs(300);

/// The start options of a stack.
pub(crate) struct Plan {
    /// The folder of its files.
    pub(crate) folder: PathBuf,
    /// How many deployments it has with the feature on.
    pub(crate) deployments: usize,
    /// The number of revoked sessions.
    pub(crate) revoked: usize,
    /// The proxies on FWO ->> FAS and FAS ->> SAS, if their traffic is recorded.
    pub(crate) wires: Option<[Recorder; 2]>,
}

/// A running stack.
pub(crate) struct Stack {
    /// FWO, FAS and SAS.
    pub(crate) processes: [Process; 3],
    /// FWO's address for browsers.
    pub(crate) orchestrator: SocketAddr,
    /// SAS's address for FAS.
    pub(crate) scoped_auth: SocketAddr,
    /// Time from the start of each service until it was ready.
    pub(crate) took: [Duration; 3],
    folder: PathBuf,
}

impl Plan {
    /// A stack with one deployment, with its files in `folder`.
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder, deployments: 1, revoked: 0, wires: None }
    }

    /// Starts callees before their callers.
    pub(crate) fn start(&self) -> Outcome<Stack> {
        fs::create_dir_all(&self.folder)?;
        fs::write(self.folder.join("accounts.toml"), accounts::accounts(self.deployments))?;
        keys(&self.folder, &["generate", "--if-missing"])?;
        let [to_fas, to_sas] = match &self.wires {
            Some([to_fas, to_sas]) => [Some(to_fas), Some(to_sas)],
            None => [None, None],
        };
        let wire = |recorder: Option<&Recorder>, address| match recorder {
            Some(recorder) => recorder.record(address),
            None => Ok(address),
        };
        let [orchestrator_secret, federated_auth_secret] = SECRETS.map(str::to_owned);

        let start_scoped_auth = || {
            let (mut scoped_auth, sas) = Service::new("ScopedAuthService", "scoped-auth", "SCOPED_AUTH")?;
            scoped_auth.set("SCOPED_AUTH_FEDERATED_AUTH_SECRET", &federated_auth_secret);
            scoped_auth.set("SCOPED_AUTH_KEYS_FILE", keys_file(&self.folder).display());
            scoped_auth.set(
                "SCOPED_AUTH_DATABASE_URL",
                format_args!("sqlite://{}", sessions_file(&self.folder).display()),
            );
            Outcome::Ok((scoped_auth.start(&self.folder)?, sas))
        };
        if self.revoked > 0 {
            // The service creates its tables; rows are added only while it is stopped.
            drop(start_scoped_auth()?);
            revoked::add(&self.folder, self.revoked)?;
        }
        let ((scoped_auth, sas_took), sas) = start_scoped_auth()?;

        let (mut federated_auth, fas) =
            Service::new("FederatedAuthService", "federated-auth", "FEDERATED_AUTH")?;
        federated_auth.set("FEDERATED_AUTH_ORCHESTRATOR_SECRET", &orchestrator_secret);
        federated_auth.set("FEDERATED_AUTH_SCOPED_AUTH_SECRET", &federated_auth_secret);
        federated_auth.set("FEDERATED_AUTH_SCOPED_AUTH_URL", format_args!("http://{}", wire(to_sas, sas)?));
        let (federated_auth, fas_took) = federated_auth.start(&self.folder)?;

        let (mut orchestrator, fwo) =
            Service::new("FlexWebchatOrchestratorService", "orchestrator", "ORCHESTRATOR")?;
        orchestrator.set("ORCHESTRATOR_FEDERATED_AUTH_SECRET", &orchestrator_secret);
        orchestrator.set("ORCHESTRATOR_FEDERATED_AUTH_URL", format_args!("http://{}", wire(to_fas, fas)?));
        orchestrator.set("ORCHESTRATOR_FINGERPRINT_KEY", FINGERPRINT_KEY);
        orchestrator.set("ORCHESTRATOR_ACCOUNTS_FILE", self.folder.join("accounts.toml").display());
        orchestrator.set(
            "ORCHESTRATOR_DATABASE_URL",
            format_args!("sqlite://{}", self.folder.join("conversations.db").display()),
        );
        let (orchestrator, fwo_took) = orchestrator.start(&self.folder)?;
        Ok(Stack {
            processes: [orchestrator, federated_auth, scoped_auth],
            orchestrator: fwo,
            scoped_auth: sas,
            took: [fwo_took, fas_took, sas_took],
            folder: self.folder.clone(),
        })
    }
}

impl Stack {
    /// `scoped-auth keys …` on this stack's key file, which the running service follows.
    pub(crate) fn keys(&self, arguments: &[&str]) -> Outcome<String> {
        keys(&self.folder, arguments)
    }
}

/// A service to start.
struct Service {
    name: &'static str,
    program: &'static str,
    admin: SocketAddr,
    settings: Vec<(&'static str, String)>,
}

impl Service {
    fn new(name: &'static str, program: &'static str, prefix: &'static str) -> Outcome<(Self, SocketAddr)> {
        let [listen, admin] = [free_address()?, free_address()?];
        let [set_listen, set_admin] = match prefix {
            "ORCHESTRATOR" => ["ORCHESTRATOR_LISTEN", "ORCHESTRATOR_ADMIN_LISTEN"],
            "FEDERATED_AUTH" => ["FEDERATED_AUTH_LISTEN", "FEDERATED_AUTH_ADMIN_LISTEN"],
            _ => ["SCOPED_AUTH_LISTEN", "SCOPED_AUTH_ADMIN_LISTEN"],
        };
        let mut service = Self { name, program, admin, settings: Vec::new() };
        service.set(set_listen, listen);
        service.set(set_admin, admin);
        Ok((service, listen))
    }

    fn set(&mut self, name: &'static str, value: impl ToString) {
        self.settings.push((name, value.to_string()));
    }

    fn start(self, folder: &Path) -> Outcome<(Process, Duration)> {
        let log = folder.join(format!("{}.log", self.program));
        let nothing: [&str; 0] = [];
        let mut process = Process::start(self.name, &program(self.program)?, nothing, self.settings, log)?;
        let took = process.ready(self.admin, START)?;
        Ok((process, took))
    }
}

/// A binary from the same build as this one.
pub(crate) fn program(name: &str) -> Outcome<PathBuf> {
    let program = env::current_exe()?.with_file_name(name);
    if program.exists() {
        return Ok(program);
    }
    Err(format!("{} is not there: bench/run builds it", program.display()).into())
}

/// The store of sessions and revocations.
pub(crate) fn sessions_file(folder: &Path) -> PathBuf {
    folder.join("sessions.db")
}

fn keys_file(folder: &Path) -> PathBuf {
    folder.join("keys.json")
}

fn keys(folder: &Path, arguments: &[&str]) -> Outcome<String> {
    let mut command = std::process::Command::new(program("scoped-auth")?);
    command.arg("keys").args(arguments).arg("--file").arg(keys_file(folder));
    let done = command.output()?;
    if !done.status.success() {
        return Err(format!("scoped-auth keys: {}", String::from_utf8_lossy(&done.stderr)).into());
    }
    Ok(String::from_utf8(done.stdout)?)
}
