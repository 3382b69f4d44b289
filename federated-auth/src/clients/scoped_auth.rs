//! `FAS ->> SAS`

use std::sync::Arc;

use service_runtime::{Metrics, RequestContext, ServiceClient, UpstreamError, client::PeerConfig};
use shared_types::{
    orchestrator::NoParameters,
    scoped_auth::{Generate, PublishKeys, Revoke, Validate, generate, jwks, revoke, validate},
};

/// Client for ScopedAuthService.
pub struct ScopedAuthClient(ServiceClient);

impl ScopedAuthClient {
    /// Creates a client with the address, credential and timeout of `config`.
    pub fn new(config: &PeerConfig, metrics: Arc<Metrics>) -> Self {
        Self(ServiceClient::new(config, metrics))
    }

    /// `POST /v1/ScopedAuthTokens/generate/internal`
    pub async fn generate(
        &self,
        call: &RequestContext<'_>,
        request: &generate::Request,
    ) -> Result<generate::Response, UpstreamError> {
        self.0.call::<Generate>(call, &NoParameters {}, request).await
    }

    /// `POST /v1/ScopedAuthTokens/validate`
    pub async fn validate(
        &self,
        call: &RequestContext<'_>,
        request: &validate::Request,
    ) -> Result<validate::Response, UpstreamError> {
        self.0.call::<Validate>(call, &NoParameters {}, request).await
    }

    /// `POST /v1/ScopedAuthTokens/revoke`
    pub async fn revoke(
        &self,
        call: &RequestContext<'_>,
        request: &revoke::Request,
    ) -> Result<revoke::Response, UpstreamError> {
        self.0.call::<Revoke>(call, &NoParameters {}, request).await
    }

    /// `GET /.well-known/jwks.json`
    pub async fn publish_keys(&self, call: &RequestContext<'_>) -> Result<jwks::Response, UpstreamError> {
        self.0.call::<PublishKeys>(call, &NoParameters {}, &NoParameters {}).await
    }
}
