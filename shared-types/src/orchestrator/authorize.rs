//! `Proxy ->> FWO: /v2/Webchat/Authorize` (contract, section 13): asks whether a guest's request may pass.

use super::NoParameters;
use crate::endpoint;

endpoint! {
    /// Answers a proxy that asks whether a guest's request may pass.
    pub struct Authorize: "authorize" = ANY "/v2/Webchat/Authorize", also ["/v2/Webchat/Authorize/{*path}"];
    path: NoParameters;
    request: NoParameters;
    response: 200 => NoParameters;
    idempotent: false;
    errors: [RateLimited, DeploymentKeyDisabled, OriginNotAllowed, FingerprintUnavailable, InvalidDpopProof, UseDpopNonce, InvalidToken, ExpiredToken, RevokedToken, SessionExpired, FingerprintInvalid, UpstreamInvalid, UpstreamTimeout];
}

/// Authenticates the proxy: one of the secrets that this service accepts.
pub const PROXY_SECRET: &str = "x-webchat-proxy-secret";
/// The request's options in a query's syntax, if the guest's path follows this endpoint's.
pub const OPTIONS: &str = "x-webchat-options";
/// The guest's identity.
pub const IDENTITY: &str = "x-webchat-identity";
/// The name of the guest's session.
pub const SESSION: &str = "x-webchat-session";
/// The newest conversation of the session.
pub const CONVERSATION: &str = "x-webchat-conversation";
/// The deployment key of the session.
pub const DEPLOYMENT: &str = "x-webchat-deployment";
/// The assertion for the requested audience.
pub const ASSERTION: &str = "x-webchat-assertion";
/// The code of a refusal.
pub const CODE: &str = "x-webchat-code";
/// The value of a response header that there is nothing for.
pub const NONE: &str = "none";
