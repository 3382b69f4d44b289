//! Starship, the edge gateway: a real nginx as a child process, configured and started by `starship/start`, in front of
//! FlexWebchatOrchestratorService. It inherits a listening socket that is bound here, so that no other process can take the
//! free port; it is ready once it has accepted a connection.

use std::{
    env, io,
    net::SocketAddr,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use service_runtime::server::bind;
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    process::{Child, Command},
};

/// Called with each line of the access log, JSON in the form of `starship/nginx.conf.template`.
pub type AccessLog = Arc<dyn Fn(&str) + Send + Sync>;

/// Configuration of Starship.
#[derive(Clone)]
pub struct StarshipConfig {
    /// Folder of its configuration; created if it is missing.
    pub directory: PathBuf,
    /// The address for browsers; port 0 takes a free one.
    pub listen: SocketAddr,
    /// FlexWebchatOrchestratorService's address.
    pub upstream: SocketAddr,
    /// Timeout of a request to it.
    pub timeout: Duration,
    /// The files of a certificate and its key; `None` serves plain HTTP.
    pub certificate: Option<[PathBuf; 2]>,
    /// Observer of the access log.
    pub access_log: AccessLog,
}

impl StarshipConfig {
    /// Plain HTTP on a free loopback port, without an observer of the access log.
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

/// A running Starship. Dropping it ends the process.
pub struct Starship {
    /// The address for browsers.
    pub address: SocketAddr,
    child: Child,
}

impl Starship {
    /// Whether `nginx` and `setpriv` (which ends nginx with its parent thread) are installed.
    pub fn installed() -> bool {
        let path = search_path();
        ["nginx", "setpriv"]
            .iter()
            .all(|program| env::split_paths(&path).any(|folder| folder.join(program).is_file()))
    }

    /// Starts nginx; returns once it accepts connections.
    ///
    /// # Errors
    /// If the address is in use, or nginx is missing or exits at once; with its error output.
    pub async fn start(config: StarshipConfig) -> io::Result<Self> {
        let listener = bind(config.listen)?;
        // Each nginx worker accepts from it, and must not block on a connection that another one has accepted.
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        // A killed process cannot end its children, and nginx would keep the port. So the kernel signals nginx when the thread
        // that started it ends: the main thread of `cargo run`, that of a test, or a runtime's worker.
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
            // nginx's own format for inherited sockets (binary upgrade): descriptor numbers, each followed by `;`.
            .env("NGINX", "0;")
            .stdin(Stdio::from(OwnedFd::from(listener)))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if let Some([certificate, key]) = &config.certificate {
            command.env("STARSHIP_CERTIFICATE", certificate).env("STARSHIP_CERTIFICATE_KEY", key);
        }
        let mut child = command.spawn()?;
        // Only nginx holds the socket now: if it exits, the connection below closes too.
        drop(command);
        let (requests, mut complaints) = (child.stdout.take(), child.stderr.take());
        tokio::spawn(each_line(requests, move |line| (config.access_log)(line)));
        let mut starship = Self { address, child };
        let ended = tokio::select! {
            status = starship.child.wait() => Some(status?),
            taken = takes_a_connection(address) => match taken {
                Ok(()) => None,
                // Its socket closed before it exited.
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

    /// Stops it after the requests in flight.
    ///
    /// # Errors
    /// If waiting for the process fails.
    pub async fn stop(mut self) -> io::Result<()> {
        self.signal(Signal::QUIT);
        self.child.wait().await.map(drop)
    }

    /// Signals the master process, which ends its workers; SIGKILL would orphan them.
    fn signal(&self, signal: Signal) {
        // `id` is `None` once it has been reaped, so that a reused process id is never signalled.
        let pid = self.child.id().and_then(|id| Pid::from_raw(id.try_into().ok()?));
        if let Some(pid) = pid {
            // It may have exited meanwhile.
            let _ = kill_process(pid, signal);
        }
    }
}

impl Drop for Starship {
    fn drop(&mut self) {
        self.signal(Signal::TERM);
    }
}

/// The socket accepts connections before nginx does. nginx closes a connection without a request, and does not log it.
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

/// `PATH` with `/usr/sbin`, where Debian installs nginx.
fn search_path() -> std::ffi::OsString {
    let mut path = env::var_os("PATH").unwrap_or_default();
    path.push(":/usr/sbin");
    path
}
