//! `B ->> FWO: POST /v2/Webchat/Token` (create diagram; contract, section 1).

use service_runtime::RequestContext;
use shared_types::orchestrator::{
    NoParameters,
    create_token::{Request, Response},
};

use crate::{
    admission::{Admission, admit},
    error::Error,
    identity::IdentityRequest,
    rate_limit::Charge,
    session,
    state::State,
};

/// Gives a guest a token for a new session.
pub async fn create_token(
    state: &State,
    call: &mut RequestContext<'_>,
    _path: NoParameters,
    Request { deployment_key }: Request,
) -> Result<Response, Error> {
    let admission = Admission {
        deployment_key,
        token: None,
        charge: Charge::Create,
        guest_bytes: 0,
        ignores_disabled: false,
        identity: IdentityRequest::None,
    };
    let admitted = admit(state, call, admission).await?;
    let made = session::begin(state, call, &admitted, IdentityRequest::None).await?;
    Ok(Response { issued: made.issued, identity: made.identity })
}
