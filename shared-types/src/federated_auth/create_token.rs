//! `FWO ->> FAS: POST /v1/Accounts/AC…/Tokens` (create diagram; contract, section 1).

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::AccountPath;
use crate::{
    AddressSid, ConversationsServiceSid, DeploymentKey, Fingerprint, Identity, SessionId, Thumbprint,
    TokenAnswer, endpoint, scoped_auth::generate::EarlierSession,
};

endpoint! {
    /// Creates a session and returns its first token.
    pub struct CreateToken: "create_token" = POST "/v1/Accounts/{account_sid}/Tokens", also ["/v2/Accounts/{account_sid}/Tokens"];
    path: AccountPath;
    request: Request;
    response: 200 => Response;
    // Stores nothing; after a retry, the caller uses the second token.
    idempotent: true;
    errors: [UpstreamInvalid, UpstreamTimeout];
}

/// `{deployment_key, address_sid, conversations_service_sid, fingerprint?, jkt?, identity?, earlier_session?}`: the
/// inputs of the grants, and the fingerprint and key that the session is bound to.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The deployment of the guest's page.
    pub deployment_key: DeploymentKey,
    /// The address that the deployment's conversations arrive at.
    pub address_sid: AddressSid,
    /// The account's conversations service.
    pub conversations_service_sid: ConversationsServiceSid,
    /// The fingerprint of the guest's browser, with the feature on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<Fingerprint>,
    /// The thumbprint of the browser's proof key, if the request had a valid proof.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jkt: Option<Thumbprint>,
    /// The identity of `earlier_session`, requested again by the holder of its proof key. Both members or neither.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<Identity>,
    /// The last session of `identity` at this account and deployment, bound to `jkt`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub earlier_session: Option<EarlierSession>,
}

/// `{token, expiration, expires_in, refresh_after, identity, session_id, auth_time}`
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Response {
    /// The token with its lifetime.
    #[serde(flatten)]
    pub issued: TokenAnswer,
    /// The guest's identity.
    pub identity: Identity,
    /// The session.
    pub session_id: SessionId,
    /// When the session began.
    #[serde(with = "crate::timestamp")]
    pub auth_time: DateTime<Utc>,
}
