//! Configuration of a stack.

use std::{
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use orchestrator::admission::client_address::TrustedProxies;
use scoped_auth::sessions::Rules;
use secrecy::SecretString;
use service_runtime::{
    Clock, InProcess, Listeners, Running,
    server::ANY_PORT,
    spans::{Sampling, SpanConfig},
};
use store::DatabaseConfig;

use crate::{
    certificates::Certificates,
    wire::{Direct, Participant, Wire},
};

/// The issuer of the guest assertions of `cargo run`: the URL under which its page reaches the orchestrator.
pub const ISSUER: &str = "http://127.0.0.1:8080";

/// The ports that the services listen on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ports {
    /// The ports of the contract: 8080 to 8082, 8083 for the desk, 8084 for proxies, and 9080 to 9082 for operators.
    Designed,
    /// Free ports.
    Free,
}

/// Configuration of a stack.
#[derive(Clone)]
pub struct StackConfig {
    /// Folder of keys, accounts and conversations; missing files are created.
    pub data: PathBuf,
    /// The databases of conversations and of sessions.
    pub databases: [DatabaseConfig; 2],
    /// The ports that the services listen on.
    pub ports: Ports,
    /// Threads per service.
    pub workers: usize,
    /// Whether FWO calls FAS, and FAS SAS, within this process instead of over HTTP.
    pub in_process: bool,
    /// How the services are connected.
    pub wire: Arc<dyn Wire>,
    /// The clock of all three services.
    pub clock: Clock,
    /// Lifetime of a token, in seconds.
    pub token_ttl_seconds: u32,
    /// The issuer of guest assertions; `None` signs none.
    pub issuer: Option<String>,
    /// Lifetimes of sessions.
    pub rules: Rules,
    /// Interval at which a replica polls for revocations by others.
    pub revocation_poll: Duration,
    /// Base URL of a Flex Configuration service that supplies allowedOrigins instead of accounts.toml.
    pub flex_configuration_url: Option<String>,
    /// The secret of proxies that ask whether a guest's request may pass; `None` if there are none.
    pub authorize_secret: Option<SecretString>,
    /// The proxies whose `X-Forwarded-For` is trusted.
    pub trusted_proxies: TrustedProxies,
    /// Timeouts of calls FWO to FAS and FAS to SAS.
    pub timeouts: [Duration; 2],
    /// Interval at which accounts.toml is checked for changes.
    pub accounts_period: Duration,
    /// Drain time of each service at shutdown.
    pub drain: Duration,
    /// Certificates, for HTTPS between the services.
    pub certificates: Option<Certificates>,
    /// Base URL of an OTLP/HTTP collector for the traces of all requests; `None` exports none.
    pub otlp_endpoint: Option<String>,
}

impl StackConfig {
    /// The configuration of `cargo run`: the contract's ports and defaults, with its files in `data`.
    pub fn in_folder(data: &Path) -> Self {
        Self {
            data: data.to_owned(),
            databases: ["conversations.db", "sessions.db"]
                .map(|file| DatabaseConfig::new(format!("sqlite://{}", data.join(file).display()))),
            ports: Ports::Designed,
            workers: 2,
            in_process: false,
            wire: Arc::new(Direct),
            clock: Clock::system(),
            token_ttl_seconds: 6 * 3600,
            issuer: Some(ISSUER.to_owned()),
            rules: Rules::default(),
            revocation_poll: Duration::from_millis(500),
            flex_configuration_url: None,
            authorize_secret: None,
            trusted_proxies: TrustedProxies::default(),
            timeouts: [Duration::from_secs(3), Duration::from_secs(1)],
            accounts_period: Duration::from_millis(400),
            // No load balancer has to notice the shutdown, so Ctrl-C takes effect at once.
            drain: Duration::ZERO,
            certificates: None,
            otlp_endpoint: None,
        }
    }

    /// The configuration of a test: free ports, one worker per service, an adjustable clock.
    pub fn for_test(data: &Path) -> Self {
        Self {
            ports: Ports::Free,
            workers: 1,
            clock: Clock::adjustable(),
            accounts_period: Duration::from_millis(20),
            revocation_poll: Duration::from_millis(20),
            ..Self::in_folder(data)
        }
    }

    /// The file of the accounts.
    pub fn accounts_file(&self) -> PathBuf {
        self.data.join("accounts.toml")
    }

    /// The file of the keys.
    pub fn keys_file(&self) -> PathBuf {
        self.data.join("keys.json")
    }
}

impl StackConfig {
    /// Connects two services; with certificates over TLS.
    pub(crate) fn connect(&self, from: Participant, to: Participant, callee: &Running) -> Target {
        if self.in_process {
            let callee = callee.in_process.clone();
            let callee = match self.wire.observe(from, to) {
                Some(listener) => callee.observed_by(listener),
                None => callee,
            };
            return Target { url: String::new(), in_process: Some(callee) };
        }
        let url = self.wire.connect(from, to, callee.address());
        let url = match self.certificates {
            Some(_) => url.replacen("http:", "https:", 1),
            None => url,
        };
        Target { url, in_process: None }
    }

    pub(crate) fn spans(&self, sampling: Sampling) -> SpanConfig {
        SpanConfig { endpoint: self.otlp_endpoint.clone(), sampling }
    }

    /// The loopback address with this port, or a free one.
    pub(crate) fn local(&self, port: u16) -> SocketAddr {
        match self.ports {
            Ports::Designed => SocketAddr::from(([127, 0, 0, 1], port)),
            Ports::Free => ANY_PORT,
        }
    }

    /// The listeners of the service with this index in the chain. In process, only the first one has a public port.
    pub(crate) fn listeners(&self, index: u16) -> io::Result<Listeners> {
        let (service, admin) = (self.local(8080 + index), self.local(9080 + index));
        if self.in_process && index > 0 {
            Listeners::in_process(admin)
        } else {
            Listeners::bind(service, admin)
        }
    }
}

/// The route from a caller to its callee: a URL, or in process.
pub(crate) struct Target {
    pub(crate) url: String,
    pub(crate) in_process: Option<InProcess>,
}
