//! The orchestrator and Starship as processes, in front of the real FederatedAuthService and ScopedAuthService. The
//! network namespace belongs to this test, and so do all ports.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde_json::{Value, json};
use service_runtime::{Clock, Running};
use tempfile::TempDir;
use test_support::services::{self, ORCHESTRATOR_SECRET};

use crate::pressure::client::{post, send};

pub(crate) const ORCHESTRATOR: SocketAddr = at(8080);
pub(crate) const STARSHIP: SocketAddr = at(8000);
/// The desk's API of the first replica.
pub(crate) const DESK: SocketAddr = at(8083);
/// A second replica.
pub(crate) const SECOND: SocketAddr = at(8090);
const ADMIN: SocketAddr = at(9080);
const SECOND_ADMIN: SocketAddr = at(9090);

pub(crate) const LIMITED: &str = "CV00000000000000000000000000000001";
pub(crate) const UNLIMITED: &str = "CV00000000000000000000000000000002";
const ACCOUNTS: &str = r#"
[[account]]
sid = "AC00000000000000000000000000000001"
webchat_security = false
conversations_service_sid = "IS00000000000000000000000000000001"

[[account.deployment]]
key = "CV00000000000000000000000000000001"
address_sid = "IG00000000000000000000000000000001"
allowed_origins = []
enabled = true

# Without limits that a load comes to.
[[account.deployment]]
key = "CV00000000000000000000000000000002"
address_sid = "IG00000000000000000000000000000002"
allowed_origins = []
enabled = true
rate_limits = { visitor_calls_per_minute = 100000000, creates_per_minute = 100000000 }

[[account.api_key]]
sid = "SK00000000000000000000000000000001"
# Of `secret-of-the-desk`.
secret_sha256 = "b83c697b835c8080352e0eb80f5272354587201c1656037d0e5a89960375754a"
scope = ["write"]
calls_per_minute = 100000000
"#;

const fn at(port: u16) -> SocketAddr {
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), port)
}

/// A child process of this test.
pub(crate) struct Process(Child);

/// How a replica of the orchestrator is started.
struct Replica {
    workers: usize,
    federated_auth: SocketAddr,
    data: PathBuf,
}

/// The stack.
pub(crate) struct Stack {
    pub(crate) orchestrator: Process,
    second: Option<Process>,
    replica: Replica,
    pub(crate) starship: Process,
    workers: Vec<u32>,
    _services: [Running; 2],
    _data: TempDir,
}

/// A conversation and its token.
pub(crate) struct Conversation {
    pub(crate) token: String,
    pub(crate) path: String,
}

impl Stack {
    /// Starts each service with this many worker threads.
    pub(crate) async fn start(workers: usize) -> Self {
        let data = tempfile::tempdir().unwrap();
        // Starship's worker runs as nobody if the test runs as root.
        fs::set_permissions(data.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let (federated_auth, scoped_auth) = services(data.path(), workers).await;
        fs::write(data.path().join("accounts.toml"), ACCOUNTS).unwrap();
        let replica = Replica { workers, federated_auth: federated_auth.address(), data: data.path().into() };
        let starship = starship(data.path());
        let mut stack = Self {
            orchestrator: replica.start(ORCHESTRATOR, ADMIN, Some(DESK)),
            second: None,
            replica,
            starship: Process(starship),
            workers: Vec::new(),
            _services: [federated_auth, scoped_auth],
            _data: data,
        };
        is_ready(ADMIN).await;
        let minute = Duration::from_secs(60);
        let is_listening = async || tokio::net::TcpStream::connect(STARSHIP).await.is_ok();
        test_support::eventually(minute, "Starship, which is nginx, accepts connections", is_listening).await;
        stack.workers = stack.starship.children();
        stack
    }

    /// Starts a second replica of the orchestrator on the same database.
    pub(crate) async fn start_second(&mut self) {
        self.second = Some(self.replica.start(SECOND, SECOND_ADMIN, None));
        is_ready(SECOND_ADMIN).await;
    }

    pub(crate) fn second_peak_memory(&self) -> u64 {
        self.second.as_ref().map_or(0, Process::peak_memory)
    }

    /// Waits until this many guests wait at the first replica.
    pub(crate) async fn until_waiting(&self, guests: usize) {
        let line = format!("guests_waiting {guests}\n");
        test_support::eventually(Duration::from_secs(60), &line, async || {
            admin(ADMIN, "/metrics").await.is_ok_and(|(_, metrics)| metrics.contains(&line))
        })
        .await;
    }

    /// A conversation without messages, of a guest with this address.
    pub(crate) async fn conversation_from(&self, from: Ipv4Addr, deployment: &str) -> Conversation {
        open(|_| from, deployment, 0).await
    }

    /// A conversation with this many messages of 4 KiB, in which each character is escaped. Each is sent from another
    /// address, within the limits.
    pub(crate) async fn conversation(&self, deployment: &str, messages: u8) -> Conversation {
        open(|n| Ipv4Addr::new(127, 2, n, 1), deployment, messages).await
    }

    pub(crate) fn assert_nothing_restarted(&mut self) {
        assert!(self.orchestrator.0.try_wait().unwrap().is_none(), "the orchestrator exited");
        assert!(self.starship.0.try_wait().unwrap().is_none(), "Starship exited");
        assert_eq!(self.starship.children(), self.workers, "a worker of Starship was replaced");
    }
}

impl Replica {
    fn start(&self, listen: SocketAddr, admin: SocketAddr, desk: Option<SocketAddr>) -> Process {
        let data = &self.data;
        let log = fs::File::create(data.join(format!("{}.log", listen.port()))).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_orchestrator"));
        command
            .env_clear()
            .env("ORCHESTRATOR_LISTEN", listen.to_string())
            .env("ORCHESTRATOR_ADMIN_LISTEN", admin.to_string())
            .env("ORCHESTRATOR_FEDERATED_AUTH_URL", format!("http://{}", self.federated_auth))
            .env("ORCHESTRATOR_FEDERATED_AUTH_SECRET", ORCHESTRATOR_SECRET)
            .env(
                "ORCHESTRATOR_FINGERPRINT_KEY",
                "5d1fb05d2c1f5b7ac0a31f9f6f6a1a3f2d7c1e9b8a7d6c5b4a39281706f5e4d3",
            )
            .env("ORCHESTRATOR_ACCOUNTS_FILE", data.join("accounts.toml"))
            .env("ORCHESTRATOR_DATABASE_URL", format!("sqlite://{}", data.join("conversations.db").display()))
            .env("ORCHESTRATOR_TRUSTED_PROXIES", "127.0.0.1")
            .env("ORCHESTRATOR_WAITING", "20000")
            .env("ORCHESTRATOR_WORKERS", self.workers.to_string());
        if let Some(desk) = desk {
            command.env("ORCHESTRATOR_DESK_LISTEN", desk.to_string());
        }
        Process(command.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap())
    }
}

async fn is_ready(address: SocketAddr) {
    let is_ready = async || admin(address, "/readyz").await.is_ok_and(|(status, _)| status == 200);
    test_support::eventually(Duration::from_secs(30), "the replica is ready", is_ready).await;
}

async fn admin(address: SocketAddr, path: &str) -> std::io::Result<(u16, String)> {
    let request = format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    send(Ipv4Addr::LOCALHOST, address, &request).await
}

/// A conversation with this many messages of 4 KiB; `from` is the sender's address.
async fn open(from: impl Fn(u8) -> Ipv4Addr, deployment: &str, messages: u8) -> Conversation {
    let call = async |n: u8, path: &str, token: &str, body: Value| {
        let (status, body) =
            send(from(n), ORCHESTRATOR, &post(path, token, &body.to_string())).await.unwrap();
        assert!(status == 200 || status == 201, "{path}: {status} {body}");
        serde_json::from_str::<Value>(&body).unwrap()
    };
    let text = |value: &Value, name: &str| value.get(name).unwrap().as_str().unwrap().to_owned();
    let created = call(0, "/v2/Webchat/Token", "", json!({ "deploymentKey": deployment })).await;
    let token = text(&created, "token");
    let opened = call(0, "/v2/WebChannels", &token, json!({})).await;
    let path = format!("/v2/WebChannels/{}/Messages", text(&opened, "conversation_sid"));
    for n in 0..messages {
        call(n, &path, &token, json!({ "body": "\"".repeat(4096) })).await;
    }
    Conversation { token, path }
}

impl Process {
    /// The resident memory, in bytes.
    pub(crate) fn memory(&self) -> u64 {
        memory(self.0.id(), "VmRSS:")
    }

    /// The processor time since the start.
    pub(crate) fn cpu(&self) -> Duration {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.0.id())).unwrap();
        // After the name in parentheses: the 14th and 15th of all fields, in hundredths of a second.
        let fields: Vec<_> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        let ticks: u64 = fields[11..13].iter().map(|ticks| ticks.parse::<u64>().unwrap()).sum();
        Duration::from_millis(ticks * 10)
    }

    /// Sends SIGTERM.
    pub(crate) fn terminate(&self) {
        assert!(Command::new("kill").arg(self.0.id().to_string()).status().unwrap().success());
    }

    /// The peak resident memory since the start, in bytes.
    pub(crate) fn peak_memory(&self) -> u64 {
        memory(self.0.id(), "VmHWM:")
    }

    /// The same for its children, summed.
    pub(crate) fn peak_memory_of_children(&self) -> u64 {
        self.children().into_iter().map(|child| memory(child, "VmHWM:")).sum()
    }

    fn children(&self) -> Vec<u32> {
        let id = self.0.id();
        let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap();
        children.split_whitespace().map(|id| id.parse().unwrap()).collect()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have exited; nginx's children exit with their parent.
        let _ = Command::new("kill").arg(self.0.id().to_string()).status();
        let _ = self.0.wait();
    }
}

fn memory(process: u32, name: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap() * 1024
}

fn starship(data: &Path) -> Child {
    let directory = data.join("starship");
    fs::create_dir(&directory).unwrap();
    let path = format!("{}:/usr/sbin", std::env::var("PATH").unwrap());
    let mut command = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("../starship/start"));
    command.arg(&directory).env_clear().env("PATH", path);
    command.env("STARSHIP_LISTEN", STARSHIP.to_string()).env("STARSHIP_UPSTREAM", ORCHESTRATOR.to_string());
    command.stdout(Stdio::null()).stderr(Stdio::inherit());
    command.process_group(0).spawn().unwrap()
}

async fn services(data: &Path, workers: usize) -> (Running, Running) {
    let clock = Clock::system();
    let scoped_auth = scoped_auth::Config { workers, ..services::scoped_auth(data, &clock) };
    let scoped_auth = services::start_scoped_auth(scoped_auth).await;
    let federated_auth =
        federated_auth::Config { workers, ..services::federated_auth(scoped_auth.address(), &clock) };
    (services::start_federated_auth(federated_auth), scoped_auth)
}
