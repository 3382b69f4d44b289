//! `FWO ->> FAS: POST /v1/Accounts/AC…/Tokens` (create diagram; contract, section 1).

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::AccountPath;
use crate::{
    AccountSid, AddressSid, ConversationsServiceSid, DeploymentKey, Endpoint, Fingerprint, Identity, Method,
    SealedToken, SessionId, Thumbprint, scoped_auth::generate::EarlierSession,
};

/// A token for a new session.
pub struct CreateToken;

impl Endpoint for CreateToken {
    const NAME: &'static str = "create_token";
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/Accounts/{account_sid}/Tokens";
    const STATUS: u16 = 200;
    // Creating writes nothing; of two tokens the second is used.
    const IDEMPOTENT: bool = true;
    type Path = AccountPath;
    type Request = Request;
    type Response = Response;
}

/// The path of an account's tokens.
pub fn path(account_sid: AccountSid) -> String {
    format!("/v1/Accounts/{account_sid}/Tokens")
}

/// `{deployment_key, address_sid, conversations_service_sid, fingerprint?, jkt?, identity?, earlier_session?}`: what the
/// grants are decided from, and what the session is bound to.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The deployment that the guest came through.
    pub deployment_key: DeploymentKey,
    /// The address that the deployment's conversations arrive at.
    pub address_sid: AddressSid,
    /// The account's conversations service.
    pub conversations_service_sid: ConversationsServiceSid,
    /// The guest's browser, with the feature on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<Fingerprint>,
    /// The key that the browser has proved to hold, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jkt: Option<Thumbprint>,
    /// The identity of `earlier_session`, requested again by the holder of its proof key. Both members or neither.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<Identity>,
    /// The last session of `identity` at this account and deployment, bound to `jkt`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub earlier_session: Option<EarlierSession>,
}

/// `{token, identity, expiration, expires_in, refresh_after, session_id, auth_time}`
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Response {
    /// The token.
    pub token: SealedToken,
    /// Its identity.
    pub identity: Identity,
    /// Its end.
    #[serde(with = "crate::timestamp")]
    pub expiration: DateTime<Utc>,
    /// The same in seconds from now.
    pub expires_in: u32,
    /// In how many seconds the page should refresh it.
    pub refresh_after: u32,
    /// The session.
    pub session_id: SessionId,
    /// When the session began.
    #[serde(with = "crate::timestamp")]
    pub auth_time: DateTime<Utc>,
}
