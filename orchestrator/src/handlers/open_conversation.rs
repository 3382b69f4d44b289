//! `B ->> FWO: POST /v2/WebChannels` (conversation diagram; contract, section 3).

use service_runtime::RequestContext;
use shared_types::orchestrator::{
    NoParameters,
    open_conversation::{Request, Response},
};

use crate::{
    conversation_setup::{self, Form, LEAST_OF_CONVERSATION},
    error::Error,
    guest,
    rate_limit::Charge,
    state::State,
};

/// Opens the conversation of the guest's session, with the welcome message as its first.
pub async fn open_conversation(
    state: &State,
    call: &mut RequestContext<'_>,
    _path: NoParameters,
    request: Request,
) -> Result<Response, Error> {
    let (guest, admitted) = guest::authenticate(state, call, Charge::Call, LEAST_OF_CONVERSATION).await?;
    let form = Form::read(request.customer_friendly_name, request.pre_engagement_data)?;
    admitted.store(state, call, form.guest_bytes())?;
    let identity = guest.identity;
    let conversation_sid = conversation_setup::open(state, call, guest, form).await?;
    Ok(Response { conversation_sid, identity })
}
