//! `GET /.well-known/jwks.json`: the public keys, without authentication.

use service_runtime::RequestContext;
use shared_types::{orchestrator::NoParameters, scoped_auth::jwks::Response};

use crate::{error::Error, state::State};

/// Returns the public halves of the signing keys.
pub async fn publish_keys(
    state: &State,
    _call: &mut RequestContext<'_>,
    _path: NoParameters,
    _request: NoParameters,
) -> Result<Response, Error> {
    Ok(state.key_ring().public_keys().clone())
}
