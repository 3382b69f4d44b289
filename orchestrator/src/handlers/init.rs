//! `B ->> FWO: POST /v2/Webchat/Init` (init diagram; contract, section 4): the released widget begins a chat in one request.

use service_runtime::RequestContext;
use shared_types::{
    orchestrator::{
        NoParameters,
        init::{Request, Response},
    },
    scoped_auth::generate::EarlierSession,
};

use crate::{
    admission::{Credentials, Route, admit, rate_limit::Charge},
    error::Error,
    session::{
        authenticate::Guest,
        begin::begin,
        conversation_setup::{self, MIN_CONVERSATION_BYTES, PreEngagementForm},
        identity::IdentityRequest,
    },
    state::State,
};

/// Begins a session and opens its conversation.
pub async fn init(
    state: &State,
    context: &mut RequestContext<'_>,
    _path: NoParameters,
    request: Request,
) -> Result<Response, Error> {
    let requested = IdentityRequest::read(request.identity.as_ref());
    let credentials = Credentials::Body { deployment_key: request.deployment_key, token: None };
    let route =
        Route { guest_bytes: MIN_CONVERSATION_BYTES, identity: requested, ..Route::new(Charge::Create) };
    let admitted = admit(state, context, credentials, route).await?;
    let form = PreEngagementForm::read(request.customer_friendly_name, request.pre_engagement_data)?;
    admitted.reserve(state, context, form.guest_bytes())?;
    let created = begin(state, context, &admitted, requested).await?;
    let guest = Guest {
        account_sid: admitted.config.account.sid,
        deployment_key: request.deployment_key,
        address_sid: admitted.config.deployment.address_sid,
        identity: created.identity,
        session: EarlierSession { sid: created.session_id, auth_time: created.auth_time },
        session_hash: None,
        jkt: admitted.jkt,
    };
    let conversation_sid = conversation_setup::open(state, context, guest, form).await?;
    Ok(Response { issued: created.issued, identity: created.identity, conversation_sid })
}
