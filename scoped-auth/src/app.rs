//! State, table of routes and start of ScopedAuthService.

use std::{sync::Arc, time::Duration};

use service_runtime::{
    Listeners, Metrics, RouteTable, Running, ServiceCredentials, command::StartError, random::Random,
    server::Service,
};
use shared_types::{
    Message,
    scoped_auth::{Generate, PublishKeys, Validate},
};

use crate::{
    config::{Config, MissingKeys},
    counters::Counters,
    handlers,
    key_file::KeyFile,
    key_ring::KeyRing,
};

/// What the handlers of one worker work with.
#[derive(Clone)]
pub struct ScopedAuth {
    /// The keys.
    pub key_ring: Arc<KeyRing>,
    /// How long a session lives.
    pub session_max: Duration,
    /// What is counted.
    pub counters: Counters,
    /// Randomness, for ids and signatures.
    pub random: Random,
}

fn routes(table: RouteTable<ScopedAuth, ServiceCredentials>) -> RouteTable<ScopedAuth, ServiceCredentials> {
    table
        .on::<Generate, _, _>(handlers::generate)
        .on::<Validate, _, _>(handlers::validate)
        .on::<PublishKeys, _, _>(handlers::publish_keys)
}

/// Begins to serve.
pub fn start(config: Config, listeners: Listeners) -> Result<Running, StartError> {
    let metrics = Arc::new(Metrics::default());
    let credentials =
        ServiceCredentials::new(&config.federated_auth_secrets, &[PublishKeys::PATH], &config.random);
    let state = ScopedAuth {
        key_ring: Arc::new(load_keys(&config)?),
        session_max: config.session_max,
        counters: Counters::new(&metrics),
        random: config.random.clone(),
    };
    let service = Service {
        name: "ScopedAuthService",
        workers: config.workers,
        clock: config.clock,
        random: config.random,
        metrics,
        // It has started, so it has its keys; there is nothing else that it needs.
        check: Arc::new(|| Box::pin(async { Ok(()) })),
        state: Arc::new(move || state.clone()),
        boundary: Arc::new(move || credentials.clone()),
        routes,
    };
    Ok(service.start(listeners)?)
}

fn load_keys(config: &Config) -> Result<KeyRing, StartError> {
    let path = &config.keys_file;
    let named = |error| format!("{}: {error}", path.display());
    if config.missing_keys == MissingKeys::AreMade && !path.exists() {
        KeyFile::create(path, config.random.source(), config.clock.now()).map_err(named)?;
        tracing::info!(keys_file = %path.display(), "there were no keys, so new ones were made");
    }
    let file = KeyFile::load(path).map_err(named)?;
    Ok(KeyRing::new(file, config.random.source()).map_err(named)?)
}
