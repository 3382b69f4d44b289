//! `FWO ->> FAS`

use std::sync::Arc;

use service_runtime::{Metrics, RequestContext, ServiceClient, UpstreamError, client::PeerConfig};
use shared_types::{
    AccountSid,
    federated_auth::{
        AccountPath, CreateToken, PublishKeys, RefreshToken, RevokeToken, ValidateToken, create_token,
        refresh_token, revoke_token, validate_token,
    },
    orchestrator::NoParameters,
    scoped_auth::jwks,
};

/// Client of FederatedAuthService.
pub struct FederatedAuthClient(ServiceClient);

impl FederatedAuthClient {
    /// A client with the URL, credential and timeout of `config`.
    pub fn new(config: &PeerConfig, metrics: Arc<Metrics>) -> Self {
        Self(ServiceClient::new(config, metrics))
    }

    /// `POST /v1/Accounts/AC…/Tokens`
    pub async fn create_token(
        &self,
        context: &RequestContext<'_>,
        account_sid: AccountSid,
        request: &create_token::Request,
    ) -> Result<create_token::Response, UpstreamError> {
        self.0.call::<CreateToken>(context, &AccountPath { account_sid }, request).await
    }

    /// `POST /v1/Accounts/AC…/Tokens/refresh`
    pub async fn refresh_token(
        &self,
        context: &RequestContext<'_>,
        account_sid: AccountSid,
        request: &refresh_token::Request,
    ) -> Result<refresh_token::Response, UpstreamError> {
        self.0.call::<RefreshToken>(context, &AccountPath { account_sid }, request).await
    }

    /// `POST /v1/Accounts/AC…/Tokens/revoke`
    pub async fn revoke_token(
        &self,
        context: &RequestContext<'_>,
        account_sid: AccountSid,
        request: &revoke_token::Request,
    ) -> Result<revoke_token::Response, UpstreamError> {
        self.0.call::<RevokeToken>(context, &AccountPath { account_sid }, request).await
    }

    /// `POST /v1/Accounts/AC…/Tokens/validate`
    pub async fn validate_token(
        &self,
        context: &RequestContext<'_>,
        account_sid: AccountSid,
        request: &validate_token::Request,
    ) -> Result<validate_token::Response, UpstreamError> {
        self.0.call::<ValidateToken>(context, &AccountPath { account_sid }, request).await
    }

    /// `GET /.well-known/jwks.json`
    pub async fn publish_keys(&self, context: &RequestContext<'_>) -> Result<jwks::Response, UpstreamError> {
        self.0.call::<PublishKeys>(context, &NoParameters {}, &NoParameters {}).await
    }
}
