//! `B ->> FWO: POST /v2/WebChannels` (conversation diagram; contract, section 3).

use service_runtime::Call;
use shared_types::orchestrator::{
    NoParameters,
    open_conversation::{Request, Response},
};

use crate::{
    app::Orchestrator,
    error::Error,
    guest,
    opening::{self, Form, LEAST_OF_CONVERSATION},
    rate_limit::Charge,
};

/// Opens the conversation of the guest's session, with the welcome message as its first.
pub async fn open_conversation(
    fwo: &Orchestrator,
    call: &mut Call<'_>,
    _path: NoParameters,
    request: Request,
) -> Result<Response, Error> {
    let (guest, admitted) = guest::of_call(fwo, call, Charge::Call, LEAST_OF_CONVERSATION).await?;
    let form = Form::read(request.customer_friendly_name, request.pre_engagement_data)?;
    admitted.store(fwo, call, form.guest_bytes())?;
    let identity = guest.identity;
    let conversation_sid = opening::open(fwo, call, guest, form).await?;
    Ok(Response { conversation_sid, identity })
}
