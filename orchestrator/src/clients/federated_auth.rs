//! `FWO ->> FAS`

use std::sync::Arc;

use service_runtime::{Metrics, RequestContext, ServiceClient, UpstreamError, client::PeerConfig};
use shared_types::{
    AccountSid,
    federated_auth::{
        AccountPath, CreateToken, RefreshToken, RevokeToken, ValidateToken, create_token, refresh_token,
        revoke_token, validate_token,
    },
};

/// FederatedAuthService as its caller sees it.
pub struct FederatedAuthClient(ServiceClient);

impl FederatedAuthClient {
    /// FederatedAuthService at the address of `config`.
    pub fn new(config: &PeerConfig, metrics: Arc<Metrics>) -> Self {
        Self(ServiceClient::new(config, metrics))
    }

    /// `POST /v1/Accounts/AC…/Tokens`
    pub async fn create_token(
        &self,
        call: &RequestContext<'_>,
        account_sid: AccountSid,
        request: &create_token::Request,
    ) -> Result<create_token::Response, UpstreamError> {
        self.0.call::<CreateToken>(call, &AccountPath { account_sid }, request).await
    }

    /// `POST /v1/Accounts/AC…/Tokens/refresh`
    pub async fn refresh_token(
        &self,
        call: &RequestContext<'_>,
        account_sid: AccountSid,
        request: &refresh_token::Request,
    ) -> Result<refresh_token::Response, UpstreamError> {
        self.0.call::<RefreshToken>(call, &AccountPath { account_sid }, request).await
    }

    /// `POST /v1/Accounts/AC…/Tokens/revoke`
    pub async fn revoke_token(
        &self,
        call: &RequestContext<'_>,
        account_sid: AccountSid,
        request: &revoke_token::Request,
    ) -> Result<revoke_token::Response, UpstreamError> {
        self.0.call::<RevokeToken>(call, &AccountPath { account_sid }, request).await
    }

    /// `POST /v1/Accounts/AC…/Tokens/validate`
    pub async fn validate_token(
        &self,
        call: &RequestContext<'_>,
        account_sid: AccountSid,
        request: &validate_token::Request,
    ) -> Result<validate_token::Response, UpstreamError> {
        self.0.call::<ValidateToken>(call, &AccountPath { account_sid }, request).await
    }
}
