//! Route table and start of FederatedAuthService.

use std::{io, sync::Arc};

use service_runtime::{
    Listeners, Metrics, RouteTable, Routes as _, Running, ServiceCredentials,
    server::{Listener, ServerLimits, Service},
};
use shared_types::{
    Endpoint,
    federated_auth::{CreateToken, PublishKeys, RefreshToken, RevokeToken, ValidateToken},
    scoped_auth::Validate,
};

use crate::{clients::ScopedAuthClient, config::Config, handlers, state::State};

fn routes(table: RouteTable<State, ServiceCredentials>) -> RouteTable<State, ServiceCredentials> {
    table
        .on::<CreateToken, _, _>(handlers::create_token)
        .on::<RefreshToken, _, _>(handlers::refresh_token)
        .on::<RevokeToken, _, _>(handlers::revoke_token)
        .on::<ValidateToken, _, _>(handlers::validate_token)
        .on::<PublishKeys, _, _>(handlers::publish_keys)
}

/// Starts the service on `listeners`.
pub fn start(config: Config, listeners: Listeners) -> io::Result<Running> {
    let metrics = Arc::new(Metrics::default());
    let probed = config.scoped_auth.clone();
    let credentials = ServiceCredentials::new(&config.orchestrator_secrets, &[PublishKeys::PATH]);
    let (scoped_auth, token_ttl_seconds, counted) =
        (config.scoped_auth.clone(), config.token_ttl_seconds, metrics.clone());
    let certificates = config.scoped_auth.follow();
    let service = Service {
        name: "FederatedAuthService",
        workers: config.workers,
        clock: config.clock,
        random: config.random,
        metrics,
        tls: config.tls,
        drain: config.drain,
        keep_alive: config.keep_alive,
        spans: config.spans.clone(),
        check: Arc::new(move || {
            let probed = probed.clone();
            Box::pin(async move { probed.probe(Validate::PATH).await })
        }),
        state: Arc::new(move || State {
            scoped_auth: ScopedAuthClient::new(&scoped_auth, counted.clone()),
            token_ttl_seconds,
        }),
        listener: Listener {
            limits: ServerLimits::internal(),
            access_policy: Arc::new(move || credentials.clone()),
            routes,
        },
        additional: Vec::new(),
        admin: None,
    };
    Ok(service.start(listeners)?.with_tasks(certificates))
}
