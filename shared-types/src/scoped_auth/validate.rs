//! `FAS ->> SAS: POST /v1/ScopedAuthTokens/validate` (refresh diagram; contract, section 2): validates a token and, if
//! requested, issues its successor or signs an assertion of its guest in the same step.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize, de};
use uuid::Uuid;

use crate::{
    AccountSid, AssertionAnswer, AssertionAudience, Code, ConversationSid, DeploymentKey, Fingerprint,
    Grants, Identity, No, SealedToken, SessionId, Thumbprint, TokenAnswer, Yes, endpoint,
    orchestrator::NoParameters,
};

endpoint! {
    /// Validates a token and, if requested, issues its successor or signs an assertion of its guest.
    pub struct Validate: "validate" = POST "/v1/ScopedAuthTokens/validate";
    path: NoParameters;
    request: Request;
    response: 200 => Response;
    // Read-only without `successor`; with it, the same token has the same successor within the grace period. Another
    // assertion is as good as the first.
    idempotent: true;
    errors: [];
}

/// `{token, fingerprint?, jkt?, successor?, assertion?}`
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The token.
    pub token: SealedToken,
    /// The fingerprint of the browser that sent it. Without it, only the token is checked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<Fingerprint>,
    /// The thumbprint of the proof key, if the guest's request had a valid proof.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jkt: Option<Thumbprint>,
    /// Requests the token's successor. Without it, the token is only validated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub successor: Option<SuccessorRequest>,
    /// Requests an assertion of the token's guest. Not together with `successor`: an expired token has no assertion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assertion: Option<AssertionRequest>,
}

/// `{audience, conversationSid?}`: an assertion of the token's guest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AssertionRequest {
    /// The service that it is for: an audience of the token's account.
    pub audience: AssertionAudience,
    /// The newest conversation of the token's session, if it has one. Only the caller knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation_sid: Option<ConversationSid>,
}

/// `{accountSid, deploymentKey, ttl}`: the successor of a token of this account and deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SuccessorRequest {
    /// The account of the request; a token of another one is `invalid_token`.
    pub account_sid: AccountSid,
    /// The deployment of the request; a token of another one is `invalid_token`.
    pub deployment_key: DeploymentKey,
    /// The lifetime of the successor, in seconds; the end of the session may cut it shorter.
    pub ttl: u32,
}

/// The verdict. A rejected token is a response with status 200, too.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
#[allow(clippy::large_enum_variant, reason = "created once and serialised immediately")]
pub enum Response {
    /// `{authorized:true, …}`
    Authorized(Authorized),
    /// `{authorized:false, …}`
    Refused(Refused),
}

/// Parses the members in one pass, then selects the variant by `authorized`. The derived code of an untagged enum would
/// buffer all members first.
impl<'de> Deserialize<'de> for Response {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Time(#[serde(with = "crate::timestamp")] DateTime<Utc>);
        #[derive(Deserialize)]
        struct Members {
            authorized: bool,
            auth_account: Option<AuthAccount>,
            grants: Option<Grants>,
            identity: Option<Identity>,
            expiration: Option<Time>,
            session_id: Option<SessionId>,
            session_hash: Option<String>,
            auth_time: Option<Time>,
            bound: Option<bool>,
            jkt: Option<Thumbprint>,
            successor: Option<TokenAnswer>,
            assertion: Option<AssertionAnswer>,
            message: Option<RefusalMessage>,
            reason: Option<Reason>,
        }
        let members = Members::deserialize(deserializer)?;
        let missing = <D::Error as de::Error>::missing_field;
        Ok(if members.authorized {
            Response::Authorized(Authorized {
                authorized: Yes::default(),
                auth_account: members.auth_account.ok_or_else(|| missing("auth_account"))?,
                grants: members.grants.ok_or_else(|| missing("grants"))?,
                identity: members.identity.ok_or_else(|| missing("identity"))?,
                expiration: members.expiration.ok_or_else(|| missing("expiration"))?.0,
                session_id: members.session_id.ok_or_else(|| missing("session_id"))?,
                session_hash: members.session_hash.ok_or_else(|| missing("session_hash"))?,
                auth_time: members.auth_time.ok_or_else(|| missing("auth_time"))?.0,
                bound: members.bound.ok_or_else(|| missing("bound"))?,
                jkt: members.jkt,
                successor: members.successor,
                assertion: members.assertion,
            })
        } else {
            Response::Refused(Refused {
                authorized: No::default(),
                message: members.message.ok_or_else(|| missing("message"))?,
                reason: members.reason,
                auth_account: members.auth_account,
            })
        })
    }
}

/// The token is valid.
#[derive(Clone, Debug, Serialize)]
pub struct Authorized {
    /// Always `true`.
    pub authorized: Yes,
    /// The account of the token.
    pub auth_account: AuthAccount,
    /// The token's grants.
    pub grants: Grants,
    /// The identity in the grants.
    pub identity: Identity,
    /// When the token expires.
    #[serde(with = "crate::timestamp")]
    pub expiration: DateTime<Utc>,
    /// The token's session.
    pub session_id: SessionId,
    /// The keyed hash of the session, by which other services know it: the claim `sid` of its assertions.
    pub session_hash: String,
    /// When the session began.
    #[serde(with = "crate::timestamp")]
    pub auth_time: DateTime<Utc>,
    /// Whether the token carries a fingerprint.
    pub bound: bool,
    /// The thumbprint of the proof key that the session is bound to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jkt: Option<Thumbprint>,
    /// The next token of the session; present if and only if it was requested.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub successor: Option<TokenAnswer>,
    /// The assertion, if it was requested. Absent if this installation has no issuer: it signs none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assertion: Option<AssertionAnswer>,
}

/// The token or its presentation is rejected.
#[derive(Clone, Debug, Serialize)]
pub struct Refused {
    /// Always `false`.
    pub authorized: No,
    /// Which check failed: token, fingerprint or proof.
    pub message: RefusalMessage,
    /// Why the token is rejected, if `message` is `token_validation_failed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// The account of the token, if the token is authentic.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_account: Option<AuthAccount>,
}

/// `{account_id, account_sid}`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthAccount {
    /// A UUID v5 of the sid.
    pub account_id: Uuid,
    /// The account.
    pub account_sid: AccountSid,
}

impl From<AccountSid> for AuthAccount {
    fn from(account_sid: AccountSid) -> Self {
        Self { account_id: account_sid.account_id(), account_sid }
    }
}

/// Which check failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalMessage {
    /// The token is valid, but was sent by another browser.
    FingerprintValidationFailed,
    /// The token is valid, but was sent without a valid proof by its key.
    ProofValidationFailed,
    /// The token is not valid.
    TokenValidationFailed,
}

/// Why a token is rejected. All reasons but `InvalidToken` are returned for authentic tokens only; all faults of a token
/// that is not authentic give the same response (RFC 7516, section 11.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Not a token, issued with another key, tampered, or not yet valid.
    InvalidToken,
    /// Past its `exp`.
    ExpiredToken,
    /// Revoked.
    RevokedToken,
    /// Its session has ended.
    SessionExpired,
}

impl Reason {
    /// The code of the error response to the guest.
    pub const fn code(self) -> Code {
        match self {
            Reason::InvalidToken => Code::InvalidToken,
            Reason::ExpiredToken => Code::ExpiredToken,
            Reason::RevokedToken => Code::RevokedToken,
            Reason::SessionExpired => Code::SessionExpired,
        }
    }
}

impl Refused {
    /// The code of the error response to the guest.
    pub fn code(&self) -> Code {
        match self.message {
            RefusalMessage::FingerprintValidationFailed => Code::FingerprintInvalid,
            RefusalMessage::ProofValidationFailed => Code::InvalidDpopProof,
            RefusalMessage::TokenValidationFailed => self.reason.unwrap_or(Reason::InvalidToken).code(),
        }
    }
}
