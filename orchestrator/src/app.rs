//! Route table and start of FlexWebchatOrchestratorService.

use std::sync::Arc;

use chrono::TimeDelta;
use conversations::Conversations;
use service_runtime::{
    Listeners, Metrics, RouteList, Routes, Running, ServiceCredentials,
    api_error::error_chain,
    command::StartError,
    server::{AdditionalListener, AdminRoutes, Listener, ServerLimits, Service, bind},
};
use shared_types::{
    AccountSid, Endpoint as _,
    desk::{
        CreateMessage, DeleteConversation, DeleteMessage, FetchConversation, FetchMessage, ListConversations,
        ListDeskMessages, ListParticipantConversations, UpdateConversation,
    },
    endpoint::PathParameters as _,
    federated_auth::{AccountPath, ValidateToken},
    fingerprint::Maker,
    orchestrator::{
        Authorize, CreateAssertion, CreateToken, Init, ListMessages, OpenConversation, PublicConfiguration,
        PublishKeys, RefreshToken, RevokeToken, SendMessage,
    },
};
use store::run_purge_loop;

use crate::{
    accounts::{AccountsFile, RetentionDays},
    admission::{
        access_policy::{Internal, Public},
        answer_budget::AnswerBudget,
        authorize::AuthorizePolicy,
        desk::DeskPolicy,
        rate_limit::RateLimiter,
        waiting::WaitingPlaces,
    },
    clients::{FederatedAuthClient, FlexConfigurationClient, WebhookClient},
    config::Config,
    counters::Counters,
    dpop::{DpopVerifier, Nonces, ReplayStore},
    handlers::{self, desk},
    published_keys::PublishedKeys,
    state::State,
    webhooks::{Sender, SenderConfig},
};

/// Interval of the removal of old conversations.
const PURGE_PERIOD: TimeDelta = TimeDelta::hours(1);
/// The path of the API's description (OpenAPI), on the admin listener.
pub const OPENAPI: &str = "/openapi.json";
/// Maximum number of connections, 10 to 30 KiB each, in all and of one peer that is not a trusted proxy; half of them never wait.
const CONNECTIONS: usize = 4096;
const CONNECTIONS_PER_PEER: usize = 32;
/// Maximum number of connections of all desks.
const DESK_CONNECTIONS: usize = 256;
/// Maximum number of connections of all proxies that call Authorize. nginx may open one for each request.
const AUTHORIZE_CONNECTIONS: usize = 1024;
/// Concurrent requests of one worker. At 1,000 requests a second and worker, the last of them is served in time.
const REQUESTS_PER_WORKER: usize = 64;

fn routes<R: Routes<State, Public>>(table: R) -> R {
    table
        .on::<CreateToken, _, _>(handlers::create_token)
        .on::<RefreshToken, _, _>(handlers::refresh_token)
        .on::<RevokeToken, _, _>(handlers::revoke_token)
        .on::<CreateAssertion, _, _>(handlers::create_assertion)
        .on::<Init, _, _>(handlers::init)
        .on::<OpenConversation, _, _>(handlers::open_conversation)
        .on::<ListMessages, _, _>(handlers::list_messages)
        .on::<SendMessage, _, _>(handlers::send_message)
        .on::<PublicConfiguration, _, _>(handlers::public_configuration)
        .on::<PublishKeys, _, _>(handlers::publish_keys)
}

fn admin_routes<R: Routes<State, Internal>>(table: R) -> R {
    table.on::<PublicConfiguration, _, _>(handlers::configuration)
}

fn desk_routes<R: Routes<State, DeskPolicy>>(table: R) -> R {
    table
        .on::<ListConversations, _, _>(desk::list_conversations)
        .on::<FetchConversation, _, _>(desk::fetch_conversation)
        .on::<UpdateConversation, _, _>(desk::update_conversation)
        .on::<DeleteConversation, _, _>(desk::delete_conversation)
        .on::<ListDeskMessages, _, _>(desk::list_messages)
        .on::<CreateMessage, _, _>(desk::create_message)
        .on::<FetchMessage, _, _>(desk::fetch_message)
        .on::<DeleteMessage, _, _>(desk::delete_message)
        .on::<ListParticipantConversations, _, _>(desk::list_participant_conversations)
}

fn authorize_routes<R: Routes<State, AuthorizePolicy>>(table: R) -> R {
    table.on::<Authorize, _, _>(handlers::authorize)
}

/// The routes of each listener: for browsers, desks, proxies and operators.
pub fn listed_routes() -> [RouteList; 4] {
    let list = RouteList::default;
    [routes(list()), desk_routes(list()), authorize_routes(list()), admin_routes(list())]
}

/// The listener for proxies that ask whether a guest's request may pass.
fn authorize_listener(access_policy: AuthorizePolicy) -> Listener<State, AuthorizePolicy> {
    Listener {
        limits: ServerLimits {
            connections: AUTHORIZE_CONNECTIONS,
            // A proxy has the requests of many guests.
            connections_per_peer: AUTHORIZE_CONNECTIONS / 2,
            carries_many: Arc::new(|_| false),
            requests_per_worker: REQUESTS_PER_WORKER,
        },
        access_policy: Arc::new(move || access_policy.clone()),
        routes: authorize_routes,
    }
}

/// The desk's listener, for servers.
fn desk_listener(access_policy: DeskPolicy) -> Listener<State, DeskPolicy> {
    Listener {
        limits: ServerLimits {
            connections: DESK_CONNECTIONS,
            // Refused credentials and calls have limits; desks may share an address.
            connections_per_peer: DESK_CONNECTIONS / 4,
            carries_many: Arc::new(|_| false),
            requests_per_worker: REQUESTS_PER_WORKER,
        },
        access_policy: Arc::new(move || access_policy.clone()),
        routes: desk_routes,
    }
}

/// URL under which desks reach this service, for the URLs in webhooks; without a listener for desks, these are relative.
fn desk_origin(config: &Config) -> String {
    let of_listener = || config.desk_listen.map(|address| format!("http://{address}"));
    let url = config.desk_url.clone().or_else(of_listener).unwrap_or_default();
    url.trim_end_matches('/').to_owned()
}

/// Starts the service.
pub async fn start(config: Config, listeners: Listeners) -> Result<Running, StartError> {
    let accounts = AccountsFile::load(config.accounts_file.clone()).await;
    let accounts = Arc::new(accounts.map_err(|error| format!("ORCHESTRATOR_ACCOUNTS_FILE: {error}"))?);
    start_with(config, accounts, listeners).await
}

/// Starts the service with an accounts file that the caller loaded, and may observe.
pub async fn start_with(
    mut config: Config,
    accounts: Arc<AccountsFile>,
    listeners: Listeners,
) -> Result<Running, StartError> {
    let desk_socket = config
        .desk_listen
        .map(bind)
        .transpose()
        .map_err(|error| format!("ORCHESTRATOR_DESK_LISTEN: {error}"))?;
    let authorize = config.authorize.take();
    let authorize_socket = authorize
        .as_ref()
        .map(|authorize| bind(authorize.listen))
        .transpose()
        .map_err(|error| format!("ORCHESTRATOR_AUTHORIZE_LISTEN: {error}"))?;
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
    let purged_accounts = accounts.clone();
    let (purge_clock, purge_random) = (clock.clone(), random.clone());
    let purger = tokio::spawn(async move {
        let of_account = |account| {
            let days =
                purged_accounts.current().account(&account).and_then(|a| a.conversation_retention_days);
            days.map_or(retention, RetentionDays::duration)
        };
        run_purge_loop(purge_clock, purge_random, PURGE_PERIOD, |now| purged.purge(of_account, now)).await;
    });
    let webhook_client = WebhookClient::new(config.webhook_allow_private, config.webhook_lookup.clone())
        .map_err(|error| format!("webhooks: {}", error_chain(&error)))?;
    let sender = Sender::new(
        SenderConfig {
            conversations: conversations.clone(),
            accounts: accounts.clone(),
            client: webhook_client,
            desk_url: desk_origin(&config).into(),
            clock: clock.clone(),
            random: random.clone(),
        },
        &metrics,
    );
    let sender = tokio::spawn(sender.run());
    let closed = conversations.clone();
    let certificates = config.federated_auth.follow();

    let (flex_configuration_cache, client_metrics) = (Arc::default(), metrics.clone());
    let published_keys: Arc<PublishedKeys> = Arc::default();
    let (rate_limiter, identity_refusals) = (Arc::new(RateLimiter::new(&metrics)), Arc::default());
    let nonces = Arc::new(Nonces::new(&config.fingerprint_keys));
    let dpop = DpopVerifier {
        public_urls: config.public_urls.clone(),
        nonces: Arc::clone(&nonces),
        replays: Arc::new(ReplayStore::new()),
    };
    let counters = Counters::new(&metrics);
    let answer_budget = AnswerBudget::new(config.answer_bytes, &metrics);
    let waiting = WaitingPlaces::new(config.waiting, &metrics);
    let (hub, state_clock) = (conversations.hub().clone(), clock.clone());
    let (proxies, trusted_proxies) = (config.trusted_proxies.clone(), config.trusted_proxies.clone());
    let public = Public { nonces, trusted_proxies };
    let desk_url: Option<Arc<str>> = config.desk_url.clone().map(|url| url.trim_end_matches('/').into());
    let desk_policy = DeskPolicy {
        accounts: accounts.clone(),
        rate_limiter: Arc::clone(&rate_limiter),
        trusted_proxies: config.trusted_proxies.clone(),
    };
    let desk = desk_socket.map(|socket| AdditionalListener::new(socket, desk_listener(desk_policy)));
    let authorize = authorize_socket.zip(authorize).map(|(socket, authorize)| {
        let secrets = ServiceCredentials::new(&authorize.secrets, &[]);
        let policy = AuthorizePolicy { secrets, public: public.clone() };
        AdditionalListener::new(socket, authorize_listener(policy))
    });
    let welcome_message: Arc<str> = config.welcome_message.into();
    let running = Service {
        name: "FlexWebchatOrchestratorService",
        workers: config.workers,
        clock,
        random: random.clone(),
        metrics,
        // Starship terminates TLS.
        tls: None,
        drain: config.drain,
        keep_alive: config.keep_alive,
        spans: config.spans.clone(),
        check: Arc::new(move || {
            let (probed, store) = (probed.clone(), store.clone());
            Box::pin(async move {
                store
                    .probe()
                    .await
                    .map_err(|error| format!("the store cannot be written to: {}", error_chain(&error)))?;
                probed
                    .probe(&AccountPath { account_sid: AccountSid::from_bits(0) }.fill(ValidateToken::PATH))
                    .await
            })
        }),
        state: Arc::new(move || State {
            federated_auth: FederatedAuthClient::new(&config.federated_auth, client_metrics.clone()),
            flex_configuration: config
                .flex_configuration
                .as_ref()
                .map(|peer| FlexConfigurationClient::new(peer, client_metrics.clone())),
            flex_configuration_cache: Arc::clone(&flex_configuration_cache),
            published_keys: Arc::clone(&published_keys),
            accounts: accounts.clone(),
            conversations: conversations.clone(),
            fingerprints: Arc::new(Maker::new(config.fingerprint_keys.clone())),
            trusted_proxies: config.trusted_proxies.clone(),
            dpop: dpop.clone(),
            identity_refusals: Arc::clone(&identity_refusals),
            counters: counters.clone(),
            rate_limiter: Arc::clone(&rate_limiter),
            answer_budget: answer_budget.clone(),
            waiting: Arc::clone(&waiting),
            welcome_message: welcome_message.clone(),
            desk_url: desk_url.clone(),
            clock: state_clock.clone(),
            random: random.clone(),
        }),
        listener: Listener {
            limits: ServerLimits {
                connections: CONNECTIONS.max(config.waiting.saturating_add(CONNECTIONS / 2)),
                connections_per_peer: CONNECTIONS_PER_PEER,
                carries_many: Arc::new(move |peer| proxies.trusts(peer)),
                requests_per_worker: REQUESTS_PER_WORKER,
            },
            access_policy: Arc::new(move || public.clone()),
            routes,
        },
        additional: desk.into_iter().chain(authorize).collect(),
        admin: Some(
            AdminRoutes::new(Arc::new(|| Internal), admin_routes)
                .with_document(OPENAPI, include_str!("../../docs/openapi.json")),
        ),
    }
    .start(listeners)?;
    Ok(running
        .before_drain(move || hub.stop())
        .with_task(follower)
        .with_task(purger)
        .with_task(sender)
        .with_tasks(certificates)
        .on_shutdown(async move { closed.close().await }))
}
