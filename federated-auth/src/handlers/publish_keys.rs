//! `FWO ->> FAS: GET /.well-known/jwks.json` (assertion diagram), without authentication.

use service_runtime::RequestContext;
use shared_types::{orchestrator::NoParameters, scoped_auth::jwks::Response};

use crate::{error::Error, state::State};

/// Returns the public keys of ScopedAuthService.
pub async fn publish_keys(
    state: &State,
    call: &mut RequestContext<'_>,
    _path: NoParameters,
    _request: NoParameters,
) -> Result<Response, Error> {
    Ok(state.scoped_auth.publish_keys(call).await?)
}
