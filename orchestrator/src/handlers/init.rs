//! `B ->> FWO: POST /v2/Webchat/Init` (init diagram; contract, section 4): the released widget begins a chat in one call.

use service_runtime::Call;
use shared_types::orchestrator::{
    NoParameters,
    init::{Request, Response},
};

use crate::{
    app::Orchestrator,
    error::Error,
    guest::Guest,
    opening::{self, Form},
    session,
};

/// Begins a session and opens its conversation.
pub async fn init(
    fwo: &Orchestrator,
    call: &mut Call<'_>,
    _path: NoParameters,
    request: Request,
) -> Result<Response, Error> {
    let form = Form::read(request.customer_friendly_name, request.pre_engagement_data)?;
    let begun = session::begin(fwo, call, request.deployment_key, request.identity).await?;
    let guest = Guest {
        account_sid: begun.snapshot.account.sid,
        address_sid: begun.snapshot.deployment.address_sid,
        identity: begun.made.identity,
        session: begun.made.session_id,
        fingerprint: begun.fingerprint,
    };
    let conversation_sid = opening::open(fwo, call, guest, form).await?;
    let made = begun.made;
    Ok(Response {
        token: made.token,
        expiration: made.expiration,
        identity: made.identity,
        conversation_sid,
        expires_in: made.expires_in,
        refresh_after: made.refresh_after,
    })
}
