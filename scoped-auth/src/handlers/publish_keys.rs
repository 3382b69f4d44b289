//! `GET /.well-known/jwks.json`, open to everybody: what it tells is public by nature.

use service_runtime::Call;
use shared_types::{orchestrator::NoParameters, scoped_auth::jwks::Response};

use crate::{app::ScopedAuth, error::Error};

/// Tells the public halves of the signing keys.
pub async fn publish_keys(
    sas: &ScopedAuth,
    _call: &mut Call<'_>,
    _path: NoParameters,
    _request: NoParameters,
) -> Result<Response, Error> {
    Ok(sas.key_ring().public_keys().clone())
}
