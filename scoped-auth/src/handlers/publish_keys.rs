//! `GET /.well-known/jwks.json`, open to everybody: what it tells is public by nature.

use service_runtime::RequestContext;
use shared_types::{orchestrator::NoParameters, scoped_auth::jwks::Response};

use crate::{error::Error, state::State};

/// Tells the public halves of the signing keys.
pub async fn publish_keys(
    state: &State,
    _call: &mut RequestContext<'_>,
    _path: NoParameters,
    _request: NoParameters,
) -> Result<Response, Error> {
    Ok(state.key_ring().public_keys().clone())
}
