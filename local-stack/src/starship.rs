//! Starship, the edge gateway: a real nginx as a child of this process, filled and started by `starship/start`, in front
//! of FlexWebchatOrchestratorService. It listens on a socket that is bound here and handed over, so that a free port is
//! nobody else's, and it is ready when it has taken a connection.

use std::{
    env, io,
    net::{SocketAddr, TcpListener},
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    process::{Child, Command},
};

/// Who is told of each line of the access log: JSON, in the form that `starship/nginx.conf.template` gives it.
pub type AccessLog = Arc<dyn Fn(&str) + Send + Sync>;

/// What Starship is started with.
#[derive(Clone)]
pub struct StarshipConfig {
    /// Where its configuration is written; made if it is missing.
    pub directory: PathBuf,
    /// Where browsers call; port 0 is a free one.
    pub listen: SocketAddr,
    /// Where FlexWebchatOrchestratorService listens.
    pub upstream: SocketAddr,
    /// How long it may take to answer.
    pub timeout: Duration,
    /// The files of a certificate and its key; plain HTTP without.
    pub certificate: Option<[PathBuf; 2]>,
    /// Who is told of each request.
    pub access_log: AccessLog,
}

impl StarshipConfig {
    /// Plain HTTP on a free port of the loopback; nobody reads the access log.
    pub fn on_a_free_port(directory: &Path, upstream: SocketAddr) -> Self {
        Self {
            directory: directory.to_owned(),
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            upstream,
            timeout: Duration::from_secs(10),
            certificate: None,
            access_log: Arc::new(|_| {}),
        }
    }
}

/// A Starship that runs; dropping it ends it.
pub struct Starship {
    /// Where browsers call.
    pub address: SocketAddr,
    child: Child,
}

impl Starship {
    /// Whether there is an nginx to start, and what ends it with its starter.
    pub fn installed() -> bool {
        let path = search_path();
        ["nginx", "setpriv"]
            .iter()
            .all(|program| env::split_paths(&path).any(|folder| folder.join(program).is_file()))
    }

    /// Starts it, and returns when it takes connections.
    ///
    /// # Errors
    /// If the address is taken, or if nginx is not there or ends at once, with what it says of why.
    pub async fn start(config: StarshipConfig) -> io::Result<Self> {
        let listener = TcpListener::bind(config.listen)?;
        // Each process of nginx takes connections from it, and none may wait for one that another has taken.
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        // Whoever is killed cannot end its children, and nginx would keep the address from the next start. So the kernel ends
        // nginx when the thread that starts it ends: the main thread of `cargo run`, that of a test, or a runtime's worker.
        let mut command = Command::new("setpriv");
        command
            .args(["--pdeathsig", "TERM"])
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../starship/start"))
            .arg(&config.directory)
            .env("PATH", search_path())
            .env("STARSHIP_LISTEN", address.to_string())
            .env("STARSHIP_UPSTREAM", config.upstream.to_string())
            .env("STARSHIP_TIMEOUT", format!("{}ms", config.timeout.as_millis()))
            .env_remove("STARSHIP_CERTIFICATE")
            .env_remove("STARSHIP_CERTIFICATE_KEY")
            // How an nginx hands its sockets to the one that replaces it: the numbers of the descriptors, each with a `;`.
            .env("NGINX", "0;")
            .stdin(Stdio::from(OwnedFd::from(listener)))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if let Some([certificate, key]) = &config.certificate {
            command.env("STARSHIP_CERTIFICATE", certificate).env("STARSHIP_CERTIFICATE_KEY", key);
        }
        let mut child = command.spawn()?;
        // Now the socket is nginx's alone: were it to end, the connection below would end too.
        drop(command);
        let (requests, mut complaints) = (child.stdout.take(), child.stderr.take());
        tokio::spawn(each_line(requests, move |line| (config.access_log)(line)));
        let mut starship = Self { address, child };
        let ended = tokio::select! {
            status = starship.child.wait() => Some(status?),
            taken = takes_a_connection(address) => match taken {
                Ok(()) => None,
                // Its socket closed before it did.
                Err(_) => Some(starship.child.wait().await?),
            },
        };
        let Some(status) = ended else {
            tokio::spawn(each_line(complaints, complain));
            return Ok(starship);
        };
        let mut reason = String::new();
        if let Some(complaints) = &mut complaints {
            complaints.read_to_string(&mut reason).await?;
        }
        Err(io::Error::other(format!("nginx did not start ({status}): {}", reason.trim_end())))
    }

    /// Ends it when the requests under way are answered.
    ///
    /// # Errors
    /// If the system does not tell when it has ended.
    pub async fn stop(mut self) -> io::Result<()> {
        self.signal(Signal::QUIT);
        self.child.wait().await.map(drop)
    }

    /// To the process itself, which ends the others; killed, it would leave them behind.
    fn signal(&self, signal: Signal) {
        // There is no id once it has ended, so that this never reaches another process of the same number.
        let pid = self.child.id().and_then(|id| Pid::from_raw(id.try_into().ok()?));
        if let Some(pid) = pid {
            // It may have ended this moment.
            let _ = kill_process(pid, signal);
        }
    }
}

impl Drop for Starship {
    fn drop(&mut self) {
        self.signal(Signal::TERM);
    }
}

/// The socket takes connections before nginx does. A caller who hangs up without a word is hung up on, and not logged.
async fn takes_a_connection(address: SocketAddr) -> io::Result<()> {
    let mut caller = TcpStream::connect(address).await?;
    caller.shutdown().await?;
    caller.read(&mut [0]).await.map(drop)
}

async fn each_line(stream: Option<impl AsyncRead + Unpin>, told: impl Fn(&str)) {
    let Some(stream) = stream else { return };
    let mut lines = BufReader::new(stream).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        told(&line);
    }
}

fn complain(line: &str) {
    if !line.contains("[notice]") {
        tracing::warn!(service = "Starship", "{line}");
    }
}

/// Where commands are looked for: nginx lives where only root looks.
fn search_path() -> std::ffi::OsString {
    let mut path = env::var_os("PATH").unwrap_or_default();
    path.push(":/usr/sbin");
    path
}
