//! What a stack is started with.

use std::{
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use orchestrator::admission::client_address::TrustedProxies;
use scoped_auth::sessions::Rules;
use service_runtime::{
    Clock, InProcess, Listeners, Running,
    database::DatabaseConfig,
    server::ANY_PORT,
    spans::{Sampling, SpanConfig},
};

use crate::{
    certificates::Certificates,
    wire::{Direct, Participant, Wire},
};

/// Which ports the services listen on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ports {
    /// The contract's: 8080 to 8082, and 9080 to 9082 for operators.
    Designed,
    /// Free ones.
    Free,
}

/// What a stack is started with.
#[derive(Clone)]
pub struct Plan {
    /// Where keys, accounts and conversations are kept; what is missing there is made.
    pub data: PathBuf,
    /// Where conversations are kept, and where sessions.
    pub databases: [DatabaseConfig; 2],
    /// Which ports the services listen on.
    pub ports: Ports,
    /// Threads per service.
    pub workers: usize,
    /// Whether FWO calls FAS, and FAS SAS, within this process instead of over HTTP.
    pub in_process: bool,
    /// How the services reach each other.
    pub wire: Arc<dyn Wire>,
    /// The time of all three.
    pub clock: Clock,
    /// How long a token lives, in seconds.
    pub token_ttl_seconds: u32,
    /// How sessions live.
    pub rules: Rules,
    /// How often a replica looks for revocations by others.
    pub revocation_poll: Duration,
    /// Where allowedOrigins come from, if not from accounts.toml: the base URL of a Flex Configuration service.
    pub flex_configuration_url: Option<String>,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: TrustedProxies,
    /// How long a call of FWO's may take, and one of FAS's.
    pub timeouts: [Duration; 2],
    /// How often accounts.toml is looked at.
    pub accounts_period: Duration,
    /// How long each service serves on at its stop.
    pub drain: Duration,
    /// The certificates of the services, if they are to call each other by https.
    pub certificates: Option<Certificates>,
    /// Where the traces of all requests go, if anywhere: the base URL of an OTLP/HTTP collector.
    pub otlp_endpoint: Option<String>,
}

impl Plan {
    /// The stack as `cargo run` starts it, with its files in `data`.
    pub fn designed(data: &Path) -> Self {
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
            rules: Rules {
                session_max: Duration::from_secs(24 * 3600),
                grace: Duration::from_secs(60),
                resume_window: Duration::from_secs(24 * 3600),
                staleness: Duration::from_secs(30),
                revocation_retention: Duration::from_secs(30 * 24 * 3600),
            },
            revocation_poll: Duration::from_millis(500),
            flex_configuration_url: None,
            trusted_proxies: TrustedProxies::default(),
            timeouts: [Duration::from_secs(3), Duration::from_secs(1)],
            accounts_period: Duration::from_secs(1),
            // Nobody is to be kept waiting at a Ctrl-C: no balancer has to notice.
            drain: Duration::ZERO,
            certificates: None,
            otlp_endpoint: None,
        }
    }

    /// A stack for a test: free ports, one thread per service, a clock that can be moved.
    pub fn for_test(data: &Path) -> Self {
        Self {
            ports: Ports::Free,
            workers: 1,
            clock: Clock::adjustable(),
            accounts_period: Duration::from_millis(20),
            revocation_poll: Duration::from_millis(20),
            ..Self::designed(data)
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

impl Plan {
    /// A wire between two services: with certificates, what flows on it is TLS.
    pub(crate) fn connect(&self, from: Participant, to: Participant, callee: &Running) -> Way {
        if self.in_process {
            let callee = callee.in_process.clone();
            let callee = match self.wire.hear(from, to) {
                Some(listener) => callee.heard_by(listener),
                None => callee,
            };
            return Way { url: String::new(), in_process: Some(callee) };
        }
        let url = self.wire.connect(from, to, callee.address());
        let url = match self.certificates {
            Some(_) => url.replacen("http:", "https:", 1),
            None => url,
        };
        Way { url, in_process: None }
    }

    pub(crate) fn spans(&self, sampling: Sampling) -> SpanConfig {
        SpanConfig { endpoint: self.otlp_endpoint.clone(), sampling }
    }

    /// The listeners of the service at this place of the chain; only the first is called from outside of one process.
    pub(crate) fn listeners(&self, place: u16) -> io::Result<Listeners> {
        let local = |port: u16| match self.ports {
            Ports::Designed => SocketAddr::from(([127, 0, 0, 1], port + place)),
            Ports::Free => ANY_PORT,
        };
        let (service, admin) = (local(8080), local(9080));
        if self.in_process && place > 0 {
            Listeners::in_process(admin)
        } else {
            Listeners::bind(service, admin)
        }
    }
}

/// How a caller reaches its callee.
pub(crate) struct Way {
    pub(crate) url: String,
    pub(crate) in_process: Option<InProcess>,
}
