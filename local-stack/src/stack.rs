//! Start and stop of a stack.

use std::{
    fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use orchestrator::{accounts_file::AccountsFile, client_address::TrustedProxies, dpop::PublicUrls};
use scoped_auth::{config::MissingKeys, sessions::Rules};
use secrecy::SecretString;
use service_runtime::{
    Clock, InProcess, Listeners, Running, ServiceCredential,
    client::PeerConfig,
    command::StartError,
    database::DatabaseConfig,
    random::Random,
    server::ANY_PORT,
    spans::{Sampling, SpanConfig},
};

use crate::{
    certificates::{Certificates, Sides},
    demo, secrets,
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

/// A stack that runs.
pub struct Stack {
    /// Where browsers call FWO: the end of the wire.
    pub url: String,
    /// The accounts as FWO sees them.
    pub accounts: Arc<AccountsFile>,
    /// FlexWebchatOrchestratorService.
    pub orchestrator: Running,
    /// FederatedAuthService.
    pub federated_auth: Running,
    /// ScopedAuthService.
    pub scoped_auth: Running,
    /// What FWO proves itself to FAS with.
    pub orchestrator_secret: SecretString,
    /// What FAS proves itself to SAS with.
    pub federated_auth_secret: SecretString,
    /// What operators prove themselves to SAS with.
    pub operator_secret: SecretString,
    /// What SAS was started with.
    pub scoped_auth_config: scoped_auth::Config,
    /// What each side makes of the certificates.
    pub sides: Sides,
}

impl Stack {
    /// Starts the callees before their callers.
    pub async fn start(plan: &Plan) -> Result<Self, StartError> {
        let random = Random::default();
        fs::create_dir_all(&plan.data).map_err(|error| format!("{}: {error}", plan.data.display()))?;
        write_if_missing(&plan.accounts_file(), demo::ACCOUNTS)?;
        let [orchestrator_secret, federated_auth_secret] =
            [secrets::service_secret(&random), secrets::service_secret(&random)];
        let operator_secret = secrets::kept_secret(&plan.data.join("operator.secret"), &random)?;
        let credential =
            |secret| ServiceCredential::new(secret).ok_or("a service secret that no header can carry");
        let [fwo_timeout, fas_timeout] = plan.timeouts;
        let [conversations, sessions] = plan.databases.clone();

        let sides = plan.certificates.as_ref().map(Certificates::load).transpose()?.unwrap_or_default();
        let scoped_auth_config = scoped_auth::Config {
            workers: plan.workers,
            drain: plan.drain,
            tls: sides.scoped_auth.clone(),
            federated_auth_secrets: vec![federated_auth_secret.clone()],
            keys_file: plan.keys_file(),
            missing_keys: MissingKeys::AreMade,
            database: sessions,
            rules: plan.rules,
            revocation_poll: plan.revocation_poll,
            operator_secrets: vec![operator_secret.clone()],
            spans: plan.spans(Sampling::AsTheCallerSays),
            clock: plan.clock.clone(),
            random: random.clone(),
        };
        let scoped_auth = scoped_auth::start(scoped_auth_config.clone(), plan.listeners(2)?).await?;
        let to_sas = plan.lay(Participant::Fas, Participant::Sas, &scoped_auth);
        let federated_auth = federated_auth::start(
            federated_auth::Config {
                workers: plan.workers,
                drain: plan.drain,
                tls: sides.federated_auth.clone(),
                orchestrator_secrets: vec![orchestrator_secret.clone()],
                scoped_auth: PeerConfig {
                    tls: sides.to_scoped_auth.clone(),
                    in_process: to_sas.in_process,
                    ..federated_auth::Config::scoped_auth(
                        to_sas.url,
                        credential(&federated_auth_secret)?,
                        fas_timeout,
                    )
                },
                token_ttl_seconds: plan.token_ttl_seconds,
                spans: plan.spans(Sampling::AsTheCallerSays),
                clock: plan.clock.clone(),
                random: random.clone(),
            },
            plan.listeners(1)?,
        )?;
        let to_fas = plan.lay(Participant::Fwo, Participant::Fas, &federated_auth);
        let accounts = Arc::new(AccountsFile::load(plan.accounts_file()).await?);
        let config = orchestrator::Config {
            workers: plan.workers,
            drain: plan.drain,
            accounts_file: plan.accounts_file(),
            accounts_period: plan.accounts_period,
            database: conversations,
            conversation_retention: Duration::from_secs(30 * 24 * 3600),
            federated_auth: PeerConfig {
                tls: sides.to_federated_auth.clone(),
                in_process: to_fas.in_process,
                ..orchestrator::Config::federated_auth(
                    to_fas.url,
                    credential(&orchestrator_secret)?,
                    fwo_timeout,
                )
            },
            flex_configuration: plan
                .flex_configuration_url
                .clone()
                .map(|url| orchestrator::Config::flex_configuration(url, Duration::from_secs(1))),
            fingerprint_keys: Arc::new(secrets::fingerprint_key(
                &plan.data.join("fingerprint.key"),
                &random,
            )?),
            trusted_proxies: plan.trusted_proxies.clone(),
            public_urls: PublicUrls::default(),
            spans: plan.spans(Sampling::OfStrangers(1.0)),
            welcome_message: "Welcome! Someone will be with you in a moment.".to_owned(),
            clock: plan.clock.clone(),
            random,
        };
        let orchestrator = orchestrator::start_with(config, accounts.clone(), plan.listeners(0)?).await?;
        let url = plan.wire.lay(Participant::Browser, Participant::Fwo, orchestrator.address());
        Ok(Self {
            url,
            accounts,
            orchestrator,
            federated_auth,
            scoped_auth,
            orchestrator_secret,
            federated_auth_secret,
            operator_secret,
            scoped_auth_config,
            sides,
        })
    }

    /// Stops the callers before their callees, so that no request in flight loses what it needs.
    pub async fn stop(self) {
        self.orchestrator.stop().await;
        self.federated_auth.stop().await;
        self.scoped_auth.stop().await;
    }
}

impl Plan {
    /// A wire between two services: with certificates, what flows on it is TLS.
    fn lay(&self, from: Participant, to: Participant, callee: &Running) -> Way {
        if self.in_process {
            let callee = callee.in_process.clone();
            let callee = match self.wire.hear(from, to) {
                Some(listener) => callee.heard_by(listener),
                None => callee,
            };
            return Way { url: String::new(), in_process: Some(callee) };
        }
        let url = self.wire.lay(from, to, callee.address());
        let url = match self.certificates {
            Some(_) => url.replacen("http:", "https:", 1),
            None => url,
        };
        Way { url, in_process: None }
    }

    fn spans(&self, sampling: Sampling) -> SpanConfig {
        SpanConfig { endpoint: self.otlp_endpoint.clone(), sampling }
    }

    /// The listeners of the service at this place of the chain; only the first is called from outside of one process.
    fn listeners(&self, place: u16) -> io::Result<Listeners> {
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
struct Way {
    url: String,
    in_process: Option<InProcess>,
}

fn write_if_missing(path: &Path, content: &str) -> Result<(), StartError> {
    if !path.exists() {
        fs::write(path, content).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(())
}
