//! State, table of routes and start of FlexWebchatOrchestratorService.

use std::sync::Arc;

use chrono::TimeDelta;
use service_runtime::{
    Listeners, Metrics, RouteTable, Running,
    command::StartError,
    database::purge_for_ever,
    random::Random,
    refusal::chain,
    server::{ServerLimits, Service},
};
use shared_types::{
    AccountSid,
    federated_auth::validate_token,
    fingerprint::Maker,
    orchestrator::{
        CreateToken, Init, ListMessages, OpenConversation, PublicConfiguration, RefreshToken, RevokeToken,
        SendMessage, refresh_token::RefreshTokens,
    },
};

use crate::{
    accounts_file::AccountsFile,
    answer_budget::AnswerBudget,
    boundary::Public,
    client_address::TrustedProxies,
    clients::{FederatedAuth, FlexConfiguration},
    config::Config,
    conversations::Conversations,
    counters::Counters,
    dpop::{Nonces, PublicUrls, ReplayStore},
    fetched::Fetched,
    handlers,
    identity::IdentityRefusals,
    rate_limit::RateLimits,
};

/// How often old conversations are removed.
const PURGE_PERIOD: TimeDelta = TimeDelta::hours(1);
/// Connections that it holds, and of them of one peer that is no trusted proxy. 10 to 30 KiB each.
const CONNECTIONS: usize = 4096;
const CONNECTIONS_PER_PEER: usize = 32;
/// Requests that one worker serves at a time. At 1,000 a second and worker, the last of them is answered in time.
const REQUESTS_PER_WORKER: usize = 64;

/// What the handlers of one worker work with.
pub struct Orchestrator {
    /// `FWO ->> FAS`
    pub federated_auth: FederatedAuth,
    /// `FWO ->> FC`, where one is set.
    pub flex_configuration: Option<FlexConfiguration>,
    /// The latest answers of the Flex Configuration service.
    pub fetched: Arc<Fetched>,
    /// accounts.toml.
    pub accounts: Arc<AccountsFile>,
    /// The store.
    pub conversations: Conversations,
    /// What makes fingerprints; the worker's own.
    pub fingerprints: Arc<Maker>,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: TrustedProxies,
    /// Where pages call this service, if it is told.
    pub public_urls: PublicUrls,
    /// The proofs that have been seen.
    pub replays: Arc<ReplayStore>,
    /// The nonces that proofs are made with.
    pub nonces: Arc<Nonces>,
    /// Refused requests for identities.
    pub identity_refusals: Arc<IdentityRefusals>,
    /// Counters.
    pub counters: Counters,
    /// What visitors and deployments have asked lately.
    pub rate_limits: Arc<RateLimits>,
    /// Memory for answers in flight.
    pub answer_budget: Arc<AnswerBudget>,
    /// The first message of every conversation.
    pub welcome_message: Arc<str>,
    /// Randomness, for sids.
    pub random: Random,
}

fn routes(table: RouteTable<Orchestrator, Public>) -> RouteTable<Orchestrator, Public> {
    table
        .on::<CreateToken, _, _>(handlers::create_token)
        .on::<RefreshToken, _, _>(handlers::refresh_token)
        .on::<RefreshTokens, _, _>(handlers::refresh_token)
        .on::<RevokeToken, _, _>(handlers::revoke_token)
        .on::<Init, _, _>(handlers::init)
        .on::<OpenConversation, _, _>(handlers::open_conversation)
        .on::<ListMessages, _, _>(handlers::list_messages)
        .on::<SendMessage, _, _>(handlers::send_message)
        .on::<PublicConfiguration, _, _>(handlers::public_configuration)
}

/// Begins to serve.
pub async fn start(config: Config, listeners: Listeners) -> Result<Running, StartError> {
    let accounts = AccountsFile::load(config.accounts_file.clone()).await;
    let accounts = Arc::new(accounts.map_err(|error| format!("ORCHESTRATOR_ACCOUNTS_FILE: {error}"))?);
    start_with(config, accounts, listeners).await
}

/// Begins to serve with an accounts file that the caller has opened, and may watch.
pub async fn start_with(
    config: Config,
    accounts: Arc<AccountsFile>,
    listeners: Listeners,
) -> Result<Running, StartError> {
    let conversations = Conversations::open(&config.database)
        .await
        .map_err(|error| format!("ORCHESTRATOR_DATABASE_URL: {}", chain(&error)))?;
    let metrics = Arc::new(Metrics::default());
    let (clock, random) = (config.clock.clone(), config.random.clone());
    let probed = config.federated_auth.clone();
    let store = conversations.clone();
    let followed = accounts.clone();
    let follower = tokio::spawn(async move { followed.follow(config.accounts_period).await });
    let (purged, retention) = (conversations.clone(), config.conversation_retention);
    let (purge_clock, purge_random) = (clock.clone(), random.clone());
    let purger = tokio::spawn(async move {
        purge_for_ever(purge_clock, purge_random, PURGE_PERIOD, |now| purged.purge(retention, now)).await;
    });
    let closed = conversations.clone();
    let certificates = config.federated_auth.follow();

    let (fetched, counted) = (Arc::default(), metrics.clone());
    let (replays, rate_limits) = (Arc::new(ReplayStore::new()), Arc::new(RateLimits::new(&metrics)));
    let (nonces, identity_refusals) = (Arc::new(Nonces::new(&config.fingerprint_keys)), Arc::default());
    let counters = Counters::new(&metrics);
    let answer_budget = AnswerBudget::new(config.answer_bytes, &metrics);
    let (proxies, trusted_proxies) = (config.trusted_proxies.clone(), config.trusted_proxies.clone());
    let public = Public { nonces: Arc::clone(&nonces), trusted_proxies };
    let welcome_message: Arc<str> = config.welcome_message.into();
    let running = Service {
        name: "FlexWebchatOrchestratorService",
        workers: config.workers,
        clock,
        random: random.clone(),
        metrics,
        // Starship and browsers call it; TLS ends at the edge.
        tls: None,
        limits: ServerLimits {
            connections: CONNECTIONS,
            connections_per_peer: CONNECTIONS_PER_PEER,
            carries_many: Arc::new(move |peer| proxies.trusts(peer)),
            requests_per_worker: REQUESTS_PER_WORKER,
        },
        drain: config.drain,
        spans: config.spans.clone(),
        check: Arc::new(move || {
            let (probed, store) = (probed.clone(), store.clone());
            Box::pin(async move {
                store
                    .ping()
                    .await
                    .map_err(|error| format!("the store cannot be reached: {}", chain(&error)))?;
                probed.probe(&validate_token::path(AccountSid::from_bits(0))).await
            })
        }),
        state: Arc::new(move || Orchestrator {
            federated_auth: FederatedAuth::new(&config.federated_auth, counted.clone()),
            flex_configuration: config
                .flex_configuration
                .as_ref()
                .map(|peer| FlexConfiguration::new(peer, counted.clone())),
            fetched: Arc::clone(&fetched),
            accounts: accounts.clone(),
            conversations: conversations.clone(),
            fingerprints: Arc::new(Maker::new(config.fingerprint_keys.clone())),
            trusted_proxies: config.trusted_proxies.clone(),
            public_urls: config.public_urls.clone(),
            replays: replays.clone(),
            nonces: Arc::clone(&nonces),
            identity_refusals: Arc::clone(&identity_refusals),
            counters: counters.clone(),
            rate_limits: rate_limits.clone(),
            answer_budget: answer_budget.clone(),
            welcome_message: welcome_message.clone(),
            random: random.clone(),
        }),
        boundary: Arc::new(move || public.clone()),
        routes,
        operations: None,
    }
    .start(listeners)?;
    Ok(running
        .beside(follower)
        .beside(purger)
        .beside_all(certificates)
        .at_the_end(async move { closed.close().await }))
}
