//! Start and stop of a stack.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use orchestrator::{accounts::AccountsFile, authorize::config::AuthorizeConfig, dpop::PublicUrls};
use scoped_auth::config::MissingKeys;
use secrecy::{ExposeSecret, SecretString};
use service_runtime::{
    Listeners, Running, ServiceCredential, client::PeerConfig, command::StartError, random::Random,
    server::KEEP_ALIVE, spans::Sampling,
};

use crate::{
    certificates::{Certificates, Sides},
    config::StackConfig,
    demo::{self, DESK_SECRET},
    desk::Desk,
    secrets,
    wire::Participant,
};

/// A running stack.
pub struct Stack {
    /// FWO's base URL for browsers, behind the [`Wire`](crate::Wire).
    pub url: String,
    /// The address of the desk's API.
    pub desk_address: SocketAddr,
    /// The base URL of the desk's API, behind the [`Wire`](crate::Wire).
    pub desk_url: String,
    /// The address for proxies that ask whether a guest's request may pass.
    pub authorize_address: Option<SocketAddr>,
    /// The base URL for proxies that ask whether a guest's request may pass, behind the [`Wire`](crate::Wire).
    pub authorize_url: Option<String>,
    /// The secret of the desk's API key.
    pub desk_secret: SecretString,
    /// FWO's accounts.
    pub accounts: Arc<AccountsFile>,
    /// FlexWebchatOrchestratorService.
    pub orchestrator: Running,
    /// The configuration of FWO, with the addresses of its additional listeners.
    pub orchestrator_config: orchestrator::Config,
    /// FederatedAuthService.
    pub federated_auth: Running,
    /// ScopedAuthService.
    pub scoped_auth: Running,
    /// FWO's credential at FAS.
    pub orchestrator_secret: SecretString,
    /// FAS's credential at SAS.
    pub federated_auth_secret: SecretString,
    /// The operators' credential at SAS.
    pub operator_secret: SecretString,
    /// The configuration of SAS.
    pub scoped_auth_config: scoped_auth::Config,
    /// The loaded certificates of each side.
    pub sides: Sides,
}

impl Stack {
    /// Starts callees before their callers.
    pub async fn start(config: &StackConfig) -> Result<Self, StartError> {
        let random = Random::default();
        secrets::create_folder(&config.data)?;
        let desk_secret = secrets::kept_secret(&config.data.join(DESK_SECRET), &random)?;
        let accounts_file = config.accounts_file();
        if !demo::write_desk_key(&accounts_file, desk_secret.expose_secret().as_bytes())? {
            tracing::warn!(
                file = %accounts_file.display(),
                "the line of the desk's API key is missing, so the desk's requests may be rejected; delete the file to have it created again"
            );
        }
        let [orchestrator_secret, federated_auth_secret] =
            [secrets::service_secret(&random), secrets::service_secret(&random)];
        let operator_secret = secrets::kept_secret(&config.data.join("operator.secret"), &random)?;
        let credential = |secret| {
            ServiceCredential::new(secret)
                .ok_or("a service secret has characters that a header cannot contain")
        };
        let [fwo_timeout, fas_timeout] = config.timeouts;
        let [conversations, sessions] = config.databases.clone();

        let sides = config.certificates.as_ref().map(Certificates::load).transpose()?.unwrap_or_default();
        let scoped_auth_config = scoped_auth::Config {
            workers: config.workers,
            drain: config.drain,
            keep_alive: KEEP_ALIVE,
            tls: sides.scoped_auth.clone(),
            federated_auth_secrets: vec![federated_auth_secret.clone()],
            keys_file: config.keys_file(),
            missing_keys: MissingKeys::Create,
            issuer: config.issuer.clone().map(Into::into),
            database: sessions,
            rules: config.rules,
            revocation_poll: config.revocation_poll,
            operator_secrets: vec![operator_secret.clone()],
            spans: config.spans(Sampling::ParentBased),
            clock: config.clock.clone(),
            random: random.clone(),
        };
        let scoped_auth = scoped_auth::start(scoped_auth_config.clone(), config.listeners(2)?).await?;
        let to_sas = config.connect(Participant::Fas, Participant::Sas, &scoped_auth);
        let federated_auth = federated_auth::start(
            federated_auth::Config {
                workers: config.workers,
                drain: config.drain,
                keep_alive: KEEP_ALIVE,
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
                token_ttl_seconds: config.token_ttl_seconds,
                spans: config.spans(Sampling::ParentBased),
                clock: config.clock.clone(),
                random: random.clone(),
            },
            config.listeners(1)?,
        )?;
        let to_fas = config.connect(Participant::Fwo, Participant::Fas, &federated_auth);
        let accounts = Arc::new(AccountsFile::load(config.accounts_file()).await?);
        let mut orchestrator_config = orchestrator::Config {
            workers: config.workers,
            drain: config.drain,
            keep_alive: KEEP_ALIVE,
            accounts_file: config.accounts_file(),
            accounts_period: config.accounts_period,
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
            flex_configuration: config
                .flex_configuration_url
                .clone()
                .map(|url| orchestrator::Config::flex_configuration(url, Duration::from_secs(1))),
            fingerprint_keys: Arc::new(secrets::fingerprint_key(
                &config.data.join("fingerprint.key"),
                &random,
            )?),
            trusted_proxies: config.trusted_proxies.clone(),
            public_urls: PublicUrls::default(),
            spans: config.spans(Sampling::Ratio(1.0)),
            answer_bytes: 32 * 1024 * 1024,
            desk_listen: Some(config.local(8083)),
            waiting: 2000,
            desk_url: None,
            authorize: config
                .authorize_secret
                .clone()
                .map(|secret| AuthorizeConfig { listen: config.local(8084), secrets: vec![secret] }),
            // Receivers of the developer run on this machine.
            webhook_allow_private: true,
            webhook_lookup: orchestrator::clients::webhook::system_lookup(),
            welcome_message: "Welcome! Someone will be with you in a moment.".to_owned(),
            clock: config.clock.clone(),
            random,
        };
        let orchestrator =
            orchestrator::start_with(orchestrator_config.clone(), accounts.clone(), config.listeners(0)?)
                .await?;
        let url = config.wire.connect(Participant::Browser, Participant::Fwo, orchestrator.address());
        let [desk_address, authorize_address @ ..] = orchestrator.additional_addresses() else {
            return Err("the desk's API has no listener".into());
        };
        let desk_address = *desk_address;
        orchestrator_config.desk_listen = Some(desk_address);
        let desk_url = config.wire.connect(Participant::Desk, Participant::Fwo, desk_address);
        let authorize_address = authorize_address.first().copied();
        let authorize_url = authorize_address.map(|address| {
            if let Some(authorize) = &mut orchestrator_config.authorize {
                authorize.listen = address;
            }
            config.wire.connect(Participant::Proxy, Participant::Fwo, address)
        });
        Ok(Self {
            url,
            desk_address,
            desk_url,
            authorize_address,
            authorize_url,
            desk_secret,
            accounts,
            orchestrator,
            orchestrator_config,
            federated_auth,
            scoped_auth,
            orchestrator_secret,
            federated_auth_secret,
            operator_secret,
            scoped_auth_config,
            sides,
        })
    }

    /// The desk of the first account, with its API key.
    pub fn desk(&self) -> Desk {
        Desk::new(&self.desk_url, demo::DESK_KEY, self.desk_secret.clone())
    }

    /// Stops FWO, and starts it again on the same addresses.
    pub async fn restart_orchestrator(self) -> Result<Self, StartError> {
        let (service, admin) = (self.orchestrator.address(), self.orchestrator.admin_address);
        self.orchestrator.stop().await;
        let (config, listeners) = (self.orchestrator_config.clone(), Listeners::bind(service, admin)?);
        let orchestrator = orchestrator::start_with(config, self.accounts.clone(), listeners).await?;
        Ok(Self { orchestrator, ..self })
    }

    /// Stops callers before their callees, so that requests in flight complete.
    pub async fn stop(self) {
        self.orchestrator.stop().await;
        self.federated_auth.stop().await;
        self.scoped_auth.stop().await;
    }
}
