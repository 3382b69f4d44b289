//! State, table of routes and start of ScopedAuthService.

use std::{error::Error, fmt::Display, sync::Arc, time::Duration};

use arc_swap::Guard;
use chrono::TimeDelta;
use service_runtime::{
    Listeners, Metrics, RouteTable, Running, ServiceCredentials,
    command::StartError,
    database::purge_for_ever,
    random::Random,
    refusal::chain,
    server::{OperatorRoutes, ServerLimits, Service},
};
use shared_types::{
    Message, SealedToken, SessionId,
    scoped_auth::{Generate, PublishKeys, Revoke, RevokeBefore, Validate},
};

use crate::{
    claims::Claims,
    config::{Config, MissingKeys},
    counters::Counters,
    handlers,
    jose::{Form, SealError, Unauthentic},
    key_file::KeyFile,
    key_ring::KeyRing,
    keys_follower::{self, KeysFollower},
    revocation_lag,
    sessions::Sessions,
    store::Store,
};

/// How long ago the last look for revocations by others may be while a replica is ready: the bound within which all
/// replicas know of one.
const BEHIND: Duration = Duration::from_secs(2);

const NOT_FOLLOWED: &str = "the store cannot be reached: revocations by others are not followed";

/// How often what is of no more use is removed.
const PURGE_PERIOD: TimeDelta = TimeDelta::minutes(1);

/// What the handlers of one worker work with.
#[derive(Clone)]
pub struct ScopedAuth {
    /// The keys, as their file changes.
    pub keys: Arc<KeysFollower>,
    /// The life of sessions.
    pub sessions: Sessions,
    /// What is counted.
    pub counters: Counters,
    /// Randomness, for ids and signatures.
    pub random: Random,
}

impl ScopedAuth {
    /// The claims of a token, if it is authentic.
    pub fn open(&self, token: &SealedToken) -> Result<Claims, Unauthentic> {
        self.key_ring().open(token)
    }

    /// A token of these claims.
    pub fn seal(&self, claims: &Claims, form: Form) -> Result<SealedToken, SealError> {
        self.key_ring().seal(claims, form, self.random.source())
    }

    /// What the audit log calls a session.
    pub fn session_hash(&self, session: SessionId) -> impl Display {
        self.key_ring().session_hash(session)
    }

    /// The keys as they are now.
    pub fn key_ring(&self) -> Guard<Arc<KeyRing>> {
        self.keys.ring()
    }
}

type Routes = RouteTable<ScopedAuth, ServiceCredentials>;

fn routes(table: Routes) -> Routes {
    table
        .on::<Generate, _, _>(handlers::generate)
        .on::<Validate, _, _>(handlers::validate)
        .on::<Revoke, _, _>(handlers::revoke)
        .on::<PublishKeys, _, _>(handlers::publish_keys)
}

fn operators_routes(table: Routes) -> Routes {
    table.on::<RevokeBefore, _, _>(handlers::revoke_before)
}

/// Begins to serve.
pub async fn start(config: Config, listeners: Listeners) -> Result<Running, StartError> {
    let keys = Arc::new(open_keys(&config)?);
    start_with(config, keys, listeners).await
}

/// Begins to serve with a key file that the caller has opened, and may watch.
pub async fn start_with(
    config: Config,
    keys: Arc<KeysFollower>,
    listeners: Listeners,
) -> Result<Running, StartError> {
    let metrics = Arc::new(Metrics::default());
    keys.register(&metrics);
    let credentials = ServiceCredentials::new(&config.federated_auth_secrets, &[PublishKeys::PATH]);
    let operators = ServiceCredentials::new(&config.operator_secrets, &[]);
    let named = |error: &dyn Error| format!("SCOPED_AUTH_DATABASE_URL: {}", chain(error));
    let store = Store::open(&config.database).await.map_err(|error| named(&error))?;
    let sessions =
        Sessions::open(store, config.rules, config.clock.now()).await.map_err(|error| named(&error))?;
    revocation_lag::register(&metrics, &sessions);
    let state = ScopedAuth {
        keys: keys.clone(),
        sessions: sessions.clone(),
        counters: Counters::new(&metrics),
        random: config.random.clone(),
    };
    let followed = sessions.clone();
    let follower = tokio::spawn(async move { followed.follow(config.revocation_poll).await });
    let (purged, clock, random) = (sessions.clone(), config.clock.clone(), config.random.clone());
    let purger = tokio::spawn(async move {
        purge_for_ever(clock, random, PURGE_PERIOD, |now| purged.purge(now)).await;
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
        limits: ServerLimits::internal(),
        drain: config.drain,
        spans: config.spans.clone(),
        check: Arc::new(move || {
            let behind = checked.age() > BEHIND;
            Box::pin(async move { if behind { Err(NOT_FOLLOWED.to_owned()) } else { Ok(()) } })
        }),
        state: Arc::new(move || state.clone()),
        boundary: Arc::new(move || credentials.clone()),
        routes,
        operations: Some(OperatorRoutes { credentials: operators, routes: operators_routes }),
    };
    let running = service.start(listeners)?;
    Ok(running
        .beside(follower)
        .beside(purger)
        .beside(keys_follower)
        .at_the_end(async move { sessions.close().await }))
}

/// The keys that the settings name.
pub fn open_keys(config: &Config) -> Result<KeysFollower, StartError> {
    let path = &config.keys_file;
    let named = |error| format!("{}: {error}", path.display());
    if config.missing_keys == MissingKeys::AreMade && !path.exists() {
        KeyFile::create(path, config.random.source(), config.clock.now()).map_err(named)?;
        tracing::info!(keys_file = %path.display(), "there were no keys, so new ones were made");
    }
    Ok(KeysFollower::load(path.clone(), config.clock.clone(), config.random.clone()).map_err(named)?)
}
