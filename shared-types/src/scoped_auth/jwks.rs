//! `GET /.well-known/jwks.json`: the public keys that verify assertions and signed tokens (RFC 7517, section 5).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{endpoint, orchestrator::NoParameters};

endpoint! {
    /// Returns the public keys that verify assertions and signed tokens.
    pub struct PublishKeys: "publish_keys" = GET "/.well-known/jwks.json";
    path: NoParameters;
    request: NoParameters;
    response: 200 => Response;
    // Read-only.
    idempotent: true;
    errors: [];
}

/// `{keys:[…]}`
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Response {
    /// The keys.
    pub keys: Vec<PublicKey>,
}

/// A P-256 key that verifies ES256 signatures (RFC 7518, section 6.2.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PublicKey {
    /// `EC`
    pub kty: String,
    /// `P-256`
    pub crv: String,
    /// The x coordinate, base64url.
    pub x: String,
    /// The y coordinate, base64url.
    pub y: String,
    /// `ES256`
    pub alg: String,
    /// `sig`
    pub r#use: String,
    /// The key id: the `kid` in a token's header.
    pub kid: String,
}
