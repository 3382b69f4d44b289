//! The three services as release binaries with default settings, each with its own process, log and store, on free ports.

use std::{env, fs, net::SocketAddr, path::PathBuf, process::Command, time::Duration};

use crate::{
    Outcome,
    accounts::{accounts, called},
    http::Connection,
    measure::Target,
    process::{Process, free_address, output},
    requests::{Path, SCOPED_AUTH_SECRET},
};

/// How a stack is started: the folder of its files, that of the programs, its `accounts.toml` with so many deployments, and lines
/// `NAME=value` of settings.
pub(crate) struct Plan {
    pub(crate) folder: PathBuf,
    pub(crate) programs: PathBuf,
    pub(crate) accounts: String,
    pub(crate) deployments: usize,
    pub(crate) settings: String,
}

/// A running stack: FWO, FAS and SAS, each with the time from its start until it was ready, and their addresses.
pub(crate) struct Stack {
    pub(crate) processes: [Process; 3],
    pub(crate) ready: [Duration; 3],
    pub(crate) orchestrator: SocketAddr,
    scoped_auth: SocketAddr,
    pub(crate) plan: Plan,
}

impl Plan {
    /// A stack of this build on SQLite.
    pub(crate) fn new(folder: PathBuf, deployments: usize) -> Outcome<Self> {
        fs::create_dir_all(&folder)?;
        let (programs, accounts) = (own_programs()?, accounts(deployments));
        Ok(Self { folder, programs, accounts, deployments, settings: String::new() })
    }

    /// Starts callees before their callers. Every service gets all settings, and reads its own.
    pub(crate) fn start(self) -> Outcome<Stack> {
        let (folder, more, secret) = (self.folder.display(), &self.settings, SCOPED_AUTH_SECRET);
        fs::write(self.folder.join("accounts.toml"), &self.accounts)?;
        self.keys(&["generate", "--if-missing"])?;
        let [orchestrator, federated_auth, scoped_auth] = [free_address()?, free_address()?, free_address()?];
        let settings = format!(
            "ORCHESTRATOR_LISTEN={orchestrator}\nFEDERATED_AUTH_LISTEN={federated_auth}\nSCOPED_AUTH_LISTEN={scoped_auth}\n\
             ORCHESTRATOR_FEDERATED_AUTH_URL=http://{federated_auth}\nFEDERATED_AUTH_SCOPED_AUTH_URL=http://{scoped_auth}\n\
             FEDERATED_AUTH_SCOPED_AUTH_SECRET={secret}\nSCOPED_AUTH_FEDERATED_AUTH_SECRET={secret}\n\
             ORCHESTRATOR_FEDERATED_AUTH_SECRET={secret}\nFEDERATED_AUTH_ORCHESTRATOR_SECRET={secret}\n\
             ORCHESTRATOR_FINGERPRINT_KEY=5d1fb05d2c1f5b7ac0a31f9f6f6a1a3f2d7c1e9b8a7d6c5b4a39281706f5e4d3\n\
             ORCHESTRATOR_ACCOUNTS_FILE={folder}/accounts.toml\nSCOPED_AUTH_KEYS_FILE={folder}/keys.json\n\
             ORCHESTRATOR_DATABASE_URL=sqlite://{folder}/conversations.db\n\
             SCOPED_AUTH_DATABASE_URL=sqlite://{folder}/sessions.db\n{more}"
        );
        let service = |program: &str, prefix: &str| -> Outcome<(Process, Duration)> {
            let admin = free_address()?;
            let mut command = Command::new(self.programs.join(program));
            command.env_clear().envs(settings.lines().filter_map(|line| line.split_once('=')));
            command.env(format!("{prefix}_ADMIN_LISTEN"), admin.to_string());
            let mut process = Process::start(&mut command, self.folder.join(format!("{program}.log")))?;
            let request = "GET /readyz HTTP/1.1\r\nhost: localhost\r\n\r\n";
            let ready = process.until(|| Connection::open(admin)?.call(request))?;
            Ok((process, ready))
        };
        let (sas, sas_ready) = service("scoped-auth", "SCOPED_AUTH")?;
        let (fas, fas_ready) = service("federated-auth", "FEDERATED_AUTH")?;
        let (fwo, fwo_ready) = service("orchestrator", "ORCHESTRATOR")?;
        let (processes, ready) = ([fwo, fas, sas], [fwo_ready, fas_ready, sas_ready]);
        Ok(Stack { processes, ready, orchestrator, scoped_auth, plan: self })
    }

    /// `scoped-auth keys …` on the key file, which the running service follows.
    pub(crate) fn keys(&self, arguments: &[&str]) -> Outcome<String> {
        let mut command = Command::new(self.programs.join("scoped-auth"));
        output(command.arg("keys").args(arguments).arg("--file").arg(self.folder.join("keys.json")))
    }
}

impl Stack {
    pub(crate) fn target(&self, name: &'static str, path: Path) -> Outcome<Target<'_>> {
        let load = path.load(&self.plan.folder, self.orchestrator, &called(self.plan.deployments))?;
        let [fwo, fas, sas] = &self.processes;
        let (address, processes) = match path {
            Path::Validate => (self.scoped_auth, vec![sas]),
            Path::Create | Path::Refresh | Path::Message => (self.orchestrator, vec![fwo, fas, sas]),
        };
        Ok(Target { name, address, processes, load })
    }
}

/// The folder of this program and of the others of its build.
pub(crate) fn own_programs() -> Outcome<PathBuf> {
    Ok(env::current_exe()?.with_file_name(""))
}
