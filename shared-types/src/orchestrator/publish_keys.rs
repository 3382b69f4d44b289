//! `GET /.well-known/jwks.json` (assertion diagram; contract, section 13): the keys that a customer's service verifies
//! assertions with.

use super::NoParameters;
use crate::{endpoint, scoped_auth::jwks};

endpoint! {
    /// Returns the public keys that verify assertions.
    pub struct PublishKeys: "publish_keys" = GET "/.well-known/jwks.json";
    path: NoParameters;
    request: NoParameters;
    response: 200 => jwks::Response;
    // Read-only.
    idempotent: true;
    errors: [UpstreamInvalid, UpstreamTimeout];
}
