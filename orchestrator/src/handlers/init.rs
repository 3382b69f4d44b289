//! `B ->> FWO: POST /v2/Webchat/Init` (init diagram; contract, section 4): the released widget begins a chat in one call.

use service_runtime::RequestContext;
use shared_types::{
    orchestrator::{
        NoParameters,
        init::{Request, Response},
    },
    scoped_auth::generate::EarlierSession,
};

use crate::{
    admission::{Admission, admit},
    conversation_setup::{self, Form, LEAST_OF_CONVERSATION},
    error::Error,
    guest::Guest,
    identity::IdentityRequest,
    rate_limit::Charge,
    session,
    state::State,
};

/// Begins a session and opens its conversation.
pub async fn init(
    state: &State,
    call: &mut RequestContext<'_>,
    _path: NoParameters,
    request: Request,
) -> Result<Response, Error> {
    let requested = IdentityRequest::read(request.identity.as_ref());
    let admission = Admission {
        deployment_key: request.deployment_key,
        token: None,
        charge: Charge::Create,
        guest_bytes: LEAST_OF_CONVERSATION,
        ignores_disabled: false,
        identity: requested,
    };
    let admitted = admit(state, call, admission).await?;
    let form = Form::read(request.customer_friendly_name, request.pre_engagement_data)?;
    admitted.store(state, call, form.guest_bytes())?;
    let made = session::begin(state, call, &admitted, requested).await?;
    let guest = Guest {
        account_sid: admitted.snapshot.account.sid,
        deployment_key: request.deployment_key,
        address_sid: admitted.snapshot.deployment.address_sid,
        identity: made.identity,
        session: EarlierSession { sid: made.session_id, auth_time: made.auth_time },
        jkt: admitted.jkt,
    };
    let conversation_sid = conversation_setup::open(state, call, guest, form).await?;
    Ok(Response { issued: made.issued, identity: made.identity, conversation_sid })
}
