//! `B ->> FWO: POST /v2/WebChannels` (conversation diagram; contract, section 3).

use service_runtime::RequestContext;
use shared_types::orchestrator::{
    NoParameters,
    open_conversation::{Request, Response},
};

use crate::{
    admission::{Route, rate_limit::Charge},
    error::Error,
    session::{
        authenticate::authenticate,
        conversation_setup::{self, MIN_CONVERSATION_BYTES, PreEngagementForm},
    },
    state::State,
};

/// Opens the conversation of the guest's session, with the welcome message as its first message.
pub async fn open_conversation(
    state: &State,
    context: &mut RequestContext<'_>,
    _path: NoParameters,
    request: Request,
) -> Result<Response, Error> {
    let route = Route { guest_bytes: MIN_CONVERSATION_BYTES, ..Route::new(Charge::Call) };
    let (guest, admitted) = authenticate(state, context, route).await?;
    let form = PreEngagementForm::read(request.customer_friendly_name, request.pre_engagement_data)?;
    admitted.reserve(state, context, form.guest_bytes())?;
    let identity = guest.identity;
    let conversation_sid = conversation_setup::open(state, context, guest, form).await?;
    Ok(Response { conversation_sid, identity })
}
