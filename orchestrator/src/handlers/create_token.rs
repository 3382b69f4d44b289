//! `B ->> FWO: POST /v2/Webchat/Token` (create diagram; contract, section 1).

use service_runtime::RequestContext;
use shared_types::orchestrator::{
    NoParameters,
    create_token::{Request, Response},
};

use crate::{
    admission::{Credentials, Route, admit, rate_limit::Charge},
    error::Error,
    session::{begin::begin, identity::IdentityRequest},
    state::State,
};

/// Begins a session and returns its token.
pub async fn create_token(
    state: &State,
    context: &mut RequestContext<'_>,
    _path: NoParameters,
    Request { deployment_key }: Request,
) -> Result<Response, Error> {
    let credentials = Credentials::Body { deployment_key, token: None };
    let admitted = admit(state, context, credentials, Route::new(Charge::Create)).await?;
    let created = begin(state, context, &admitted, IdentityRequest::None).await?;
    Ok(Response { issued: created.issued, identity: created.identity })
}
