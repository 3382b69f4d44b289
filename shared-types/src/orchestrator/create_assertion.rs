//! `Browser ->> FWO: POST /v2/Webchat/Token/Assertion` (contract, section 13), with the token as bearer.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::NoParameters;
use crate::{AssertionAnswer, AssertionAudience, endpoint};

endpoint! {
    /// Signs an assertion of the guest for a service of the customer.
    pub struct CreateAssertion: "create_assertion" = POST "/v2/Webchat/Token/Assertion";
    path: NoParameters;
    request: Request;
    response: 200 => AssertionAnswer;
    // Stores nothing; each assertion is independent of the others.
    idempotent: true;
    errors: [NotFound, RateLimited, DeploymentKeyDisabled, OriginNotAllowed, FingerprintUnavailable, InvalidDpopProof, UseDpopNonce, InvalidToken, ExpiredToken, RevokedToken, SessionExpired, FingerprintInvalid, UpstreamInvalid, UpstreamTimeout];
}

/// `{audience}`
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Request {
    /// The service that the assertion is for: one of the account's `assertion_audiences`.
    #[serde(alias = "Audience")]
    pub audience: AssertionAudience,
}
