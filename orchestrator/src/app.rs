//! Route table and start of FlexWebchatOrchestratorService.

use std::sync::Arc;

use chrono::TimeDelta;
use service_runtime::{
    Listeners, Metrics, RouteTable, Running,
    api_error::error_chain,
    command::StartError,
    database::run_purge_loop,
    server::{ServerLimits, Service},
};
use shared_types::{
    AccountSid, Endpoint as _,
    endpoint::PathParameters as _,
    federated_auth::{AccountPath, ValidateToken},
    fingerprint::Maker,
    orchestrator::{
        CreateToken, Init, ListMessages, OpenConversation, PublicConfiguration, RefreshToken, RevokeToken,
        SendMessage,
    },
};

use crate::{
    access_policy::Public,
    accounts_file::AccountsFile,
    answer_budget::AnswerBudget,
    clients::{FederatedAuthClient, FlexConfiguration},
    config::Config,
    conversations::Conversations,
    counters::Counters,
    dpop::{Nonces, ReplayStore},
    handlers,
    rate_limit::RateLimits,
    state::State,
};

/// How often old conversations are removed.
const PURGE_PERIOD: TimeDelta = TimeDelta::hours(1);
/// Connections that it holds, and of them of one peer that is no trusted proxy. 10 to 30 KiB each.
const CONNECTIONS: usize = 4096;
const CONNECTIONS_PER_PEER: usize = 32;
/// Requests that one worker serves at a time. At 1,000 a second and worker, the last of them is answered in time.
const REQUESTS_PER_WORKER: usize = 64;

fn routes(table: RouteTable<State, Public>) -> RouteTable<State, Public> {
    table
        .on::<CreateToken, _, _>(handlers::create_token)
        .on::<RefreshToken, _, _>(handlers::refresh_token)
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
        .map_err(|error| format!("ORCHESTRATOR_DATABASE_URL: {}", error_chain(&error)))?;
    let metrics = Arc::new(Metrics::default());
    let (clock, random) = (config.clock.clone(), config.random.clone());
    let probed = config.federated_auth.clone();
    let store = conversations.clone();
    let followed = accounts.clone();
    let follower = tokio::spawn(async move { followed.follow(config.accounts_period).await });
    let (purged, retention) = (conversations.clone(), config.conversation_retention);
    let (purge_clock, purge_random) = (clock.clone(), random.clone());
    let purger = tokio::spawn(async move {
        run_purge_loop(purge_clock, purge_random, PURGE_PERIOD, |now| purged.purge(retention, now)).await;
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
                    .map_err(|error| format!("the store cannot be reached: {}", error_chain(&error)))?;
                probed
                    .probe(&AccountPath { account_sid: AccountSid::from_bits(0) }.fill(ValidateToken::PATH))
                    .await
            })
        }),
        state: Arc::new(move || State {
            federated_auth: FederatedAuthClient::new(&config.federated_auth, counted.clone()),
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
        access_policy: Arc::new(move || public.clone()),
        routes,
        operations: None,
    }
    .start(listeners)?;
    Ok(running
        .with_task(follower)
        .with_task(purger)
        .beside_all(certificates)
        .on_shutdown(async move { closed.close().await }))
}
