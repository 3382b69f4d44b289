//! Route table and start of ScopedAuthService.

use std::{error::Error, sync::Arc, time::Duration};

use ::store::run_purge_loop;
use chrono::TimeDelta;
use service_runtime::{
    Listeners, Metrics, RouteList, RouteTable, Routes, Running, ServiceCredentials,
    api_error::error_chain,
    command::StartError,
    server::{AdminRoutes, Listener, ServerLimits, Service},
};
use shared_types::{
    Endpoint,
    scoped_auth::{Generate, PublishKeys, Revoke, RevokeSessions, Validate},
};
use token::key_file::KeyFile;

use crate::{
    config::{Config, MissingKeys},
    counters::Counters,
    handlers,
    keys_follower::{self, KeysFollower},
    revocations::lag,
    sessions::Sessions,
    state::State,
    store::Store,
};

/// The maximum age of the revocation list of a replica that is ready: the bound within which all replicas apply a
/// revocation.
const MAX_REVOCATION_AGE: Duration = Duration::from_secs(2);

const REVOCATIONS_STALE: &str = "the store cannot be reached: revocations by other replicas are not read";

/// How often expired rows are deleted.
const PURGE_PERIOD: TimeDelta = TimeDelta::minutes(1);

fn routes(table: RouteTable<State, ServiceCredentials>) -> RouteTable<State, ServiceCredentials> {
    table
        .on::<Generate, _, _>(handlers::generate)
        .on::<Validate, _, _>(handlers::validate)
        .on::<Revoke, _, _>(handlers::revoke)
        .on::<PublishKeys, _, _>(handlers::publish_keys)
}

fn operators_routes<R: Routes<State, ServiceCredentials>>(table: R) -> R {
    table.on::<RevokeSessions, _, _>(handlers::revoke_sessions)
}

/// The routes for operators, on the admin listener.
pub fn listed_operators_routes() -> RouteList {
    operators_routes(RouteList::default())
}

/// Starts the service.
pub async fn start(config: Config, listeners: Listeners) -> Result<Running, StartError> {
    let keys = Arc::new(open_keys(&config)?);
    start_with(config, keys, listeners).await
}

/// Starts the service with a key file that the caller opened, and may watch.
pub async fn start_with(
    config: Config,
    keys: Arc<KeysFollower>,
    listeners: Listeners,
) -> Result<Running, StartError> {
    let metrics = Arc::new(Metrics::default());
    keys.register(&metrics);
    let credentials = ServiceCredentials::new(&config.federated_auth_secrets, &[PublishKeys::PATH]);
    let operators = ServiceCredentials::new(&config.operator_secrets, &[]);
    let named = |error: &dyn Error| format!("SCOPED_AUTH_DATABASE_URL: {}", error_chain(error));
    let store = Store::open(&config.database).await.map_err(|error| named(&error))?;
    let sessions =
        Sessions::open(store, config.rules, config.clock.now()).await.map_err(|error| named(&error))?;
    let followed = sessions.clone();
    lag::register(&metrics, move || followed.age());
    let state = State {
        keys: keys.clone(),
        sessions: sessions.clone(),
        counters: Counters::new(&metrics),
        issuer: config.issuer,
        random: config.random.clone(),
    };
    let followed = sessions.clone();
    let follower = tokio::spawn(async move { followed.follow(config.revocation_poll).await });
    let (purged, clock, random) = (sessions.clone(), config.clock.clone(), config.random.clone());
    let purger = tokio::spawn(async move {
        run_purge_loop(clock, random, PURGE_PERIOD, |now| purged.purge(now)).await;
    });
    let keys_follower = tokio::spawn(async move { keys.follow(keys_follower::PERIOD).await });
    let checked = sessions.clone();
    let service = Service {
        name: "ScopedAuthService",
        workers: config.workers,
        clock: config.clock,
        random: config.random,
        metrics,
        tls: config.tls,
        drain: config.drain,
        keep_alive: config.keep_alive,
        spans: config.spans.clone(),
        check: Arc::new(move || {
            let checked = checked.clone();
            Box::pin(async move {
                if checked.age() > MAX_REVOCATION_AGE {
                    return Err(REVOCATIONS_STALE.to_owned());
                }
                let probed = checked.probe().await;
                probed.map_err(|error| format!("the store cannot be written to: {}", error_chain(&error)))
            })
        }),
        state: Arc::new(move || state.clone()),
        listener: Listener {
            limits: ServerLimits::internal(),
            access_policy: Arc::new(move || credentials.clone()),
            routes,
        },
        additional: Vec::new(),
        admin: Some(AdminRoutes::new(Arc::new(move || operators.clone()), operators_routes)),
    };
    let running = service.start(listeners)?;
    Ok(running
        .with_task(follower)
        .with_task(purger)
        .with_task(keys_follower)
        .on_shutdown(async move { sessions.close().await }))
}

/// Opens the key file of the settings.
pub fn open_keys(config: &Config) -> Result<KeysFollower, StartError> {
    let path = &config.keys_file;
    let named = |error| format!("{}: {error}", path.display());
    if config.missing_keys == MissingKeys::Create && !path.exists() {
        KeyFile::create(path, config.random.source(), config.clock.now()).map_err(named)?;
        tracing::info!(keys_file = %path.display(), "key file not found, generated a new one");
    }
    Ok(KeysFollower::load(path.clone(), config.clock.clone(), config.random.clone()).map_err(named)?)
}
