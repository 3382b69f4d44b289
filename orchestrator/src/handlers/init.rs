//! `B ->> FWO: POST /v2/Webchat/Init` (init diagram; contract, section 4): the released widget begins a chat in one call.

use service_runtime::Call;
use shared_types::{
    orchestrator::{
        NoParameters,
        init::{Request, Response},
    },
    scoped_auth::generate::EarlierSession,
};

use crate::{
    app::Orchestrator,
    error::Error,
    guest::Guest,
    identity::IdentityRequest,
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
    let requested = IdentityRequest::read(request.identity.as_ref());
    let begun = session::begin(fwo, call, request.deployment_key, requested).await?;
    let guest = Guest {
        account_sid: begun.snapshot.account.sid,
        deployment_key: request.deployment_key,
        address_sid: begun.snapshot.deployment.address_sid,
        identity: begun.made.identity,
        session: EarlierSession { sid: begun.made.session_id, auth_time: begun.made.auth_time },
        jkt: begun.jkt,
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
