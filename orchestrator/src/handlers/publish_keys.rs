//! `GET /.well-known/jwks.json` (assertion diagram; contract, section 13): the keys that verify assertions.

use actix_web::http::header::{CACHE_CONTROL, HeaderValue};
use service_runtime::RequestContext;
use shared_types::{orchestrator::NoParameters, scoped_auth::jwks::Response};

use crate::{error::Error, state::State};

/// How long verifiers may cache the keys. A signing key is published for three times as long before it signs
/// (`crates/token/src/key_file/rotation.rs`).
const CACHE_KEYS: HeaderValue = HeaderValue::from_static("max-age=300");

/// Returns ScopedAuthService's public keys. It has no rate limit: requests share a fetch, and the response is small.
pub async fn publish_keys(
    state: &State,
    context: &mut RequestContext<'_>,
    _path: NoParameters,
    _request: NoParameters,
) -> Result<Response, Error> {
    let keys = state.published_keys.latest(&state.federated_auth, context).await?;
    context.set_answer_header(CACHE_CONTROL, CACHE_KEYS);
    Ok(Response::clone(&keys))
}
