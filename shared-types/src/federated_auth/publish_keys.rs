//! `FWO ->> FAS: GET /.well-known/jwks.json` (assertion diagram): the public keys of ScopedAuthService, which only
//! FederatedAuthService calls.

use crate::{endpoint, orchestrator::NoParameters, scoped_auth::jwks};

endpoint! {
    /// Returns the public keys that verify assertions and signed tokens.
    pub struct PublishKeys: "publish_keys" = GET "/.well-known/jwks.json";
    path: NoParameters;
    request: NoParameters;
    response: 200 => jwks::Response;
    // Read-only.
    idempotent: true;
    errors: [UpstreamInvalid, UpstreamTimeout];
}
