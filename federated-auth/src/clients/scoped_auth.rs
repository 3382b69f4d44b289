//! `FAS ->> SAS`

use std::sync::Arc;

use service_runtime::{Call, Metrics, Peer, PeerError, client::PeerConfig};
use shared_types::{
    Message,
    scoped_auth::{Generate, Revoke, Validate, generate, revoke, validate},
};

/// ScopedAuthService as its caller sees it.
pub struct ScopedAuth(Peer);

impl ScopedAuth {
    /// ScopedAuthService at the address of `config`.
    pub fn new(config: &PeerConfig, metrics: Arc<Metrics>) -> Self {
        Self(Peer::new(config, metrics))
    }

    /// `POST /v1/ScopedAuthTokens/generate/internal`
    pub async fn generate(
        &self,
        call: &Call<'_>,
        request: &generate::Request,
    ) -> Result<generate::Response, PeerError> {
        self.0.call::<Generate>(call, Generate::PATH, request).await
    }

    /// `POST /v1/ScopedAuthTokens/validate`
    pub async fn validate(
        &self,
        call: &Call<'_>,
        request: &validate::Request,
    ) -> Result<validate::Response, PeerError> {
        self.0.call::<Validate>(call, Validate::PATH, request).await
    }

    /// `POST /v1/ScopedAuthTokens/revoke`
    pub async fn revoke(
        &self,
        call: &Call<'_>,
        request: &revoke::Request,
    ) -> Result<revoke::Response, PeerError> {
        self.0.call::<Revoke>(call, Revoke::PATH, request).await
    }
}
