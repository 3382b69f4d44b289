//! State, table of routes and start of FederatedAuthService.

use std::{io, sync::Arc};

use service_runtime::{Listeners, Metrics, RouteTable, Running, ServiceCredentials, server::Service};
use shared_types::federated_auth::{CreateToken, RefreshToken, RevokeToken, ValidateToken};

use crate::{clients::ScopedAuth, config::Config, handlers};

/// What the handlers of one worker work with.
pub struct FederatedAuth {
    /// `FAS ->> SAS`
    pub scoped_auth: ScopedAuth,
    /// How long a token lives, in seconds.
    pub token_ttl_seconds: u32,
}

fn routes(
    table: RouteTable<FederatedAuth, ServiceCredentials>,
) -> RouteTable<FederatedAuth, ServiceCredentials> {
    table
        .on::<CreateToken, _, _>(handlers::create_token)
        .on_path::<CreateToken, _, _>("/v2/Accounts/{account_sid}/Tokens", handlers::create_token)
        .on::<RefreshToken, _, _>(handlers::refresh_token)
        .on_path::<RefreshToken, _, _>("/v2/Accounts/{account_sid}/Tokens/refresh", handlers::refresh_token)
        .on::<RevokeToken, _, _>(handlers::revoke_token)
        .on_path::<RevokeToken, _, _>("/v2/Accounts/{account_sid}/Tokens/revoke", handlers::revoke_token)
        .on::<ValidateToken, _, _>(handlers::validate_token)
        .on_path::<ValidateToken, _, _>(
            "/v2/Accounts/{account_sid}/Tokens/validate",
            handlers::validate_token,
        )
}

/// Begins to serve.
pub fn start(config: Config, listeners: Listeners) -> io::Result<Running> {
    let metrics = Arc::new(Metrics::default());
    let probe = ScopedAuth::new(&config.scoped_auth, metrics.clone());
    let credentials = ServiceCredentials::new(&config.orchestrator_secrets, &[], &config.random);
    let (scoped_auth, token_ttl_seconds, counted) =
        (config.scoped_auth, config.token_ttl_seconds, metrics.clone());
    Service {
        name: "FederatedAuthService",
        workers: config.workers,
        clock: config.clock,
        random: config.random,
        metrics,
        spans: config.spans.clone(),
        check: Arc::new(move || {
            let probe = probe.clone();
            Box::pin(async move { probe.ready().await })
        }),
        state: Arc::new(move || FederatedAuth {
            scoped_auth: ScopedAuth::new(&scoped_auth, counted.clone()),
            token_ttl_seconds,
        }),
        boundary: Arc::new(move || credentials.clone()),
        routes,
        operations: None,
    }
    .start(listeners)
}
