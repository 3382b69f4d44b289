//! `Proxy ->> FWO: /v2/Webchat/Authorize` (contract, section 13).

use actix_web::http::header::{HeaderName, HeaderValue};
use service_runtime::RequestContext;
use shared_types::orchestrator::{
    NoParameters,
    authorize::{ASSERTION, CONVERSATION, DEPLOYMENT, IDENTITY, NONE, SESSION},
};

use crate::{
    admission::{Route, rate_limit::Charge},
    authorize::{GuestRequest, Options, assertion},
    error::Error,
    session::authenticate::authenticate,
    state::State,
};

/// Decides whether a guest's request to another service may pass, and describes the guest in headers. Each of them is
/// always there, so that a proxy which copies them replaces what the guest may have sent under their names.
pub async fn authorize(
    state: &State,
    context: &mut RequestContext<'_>,
    _path: NoParameters,
    _fields: NoParameters,
) -> Result<NoParameters, Error> {
    let Options { audience, only_401_and_403: _ } = Options::read(context)?;
    let guest_request = GuestRequest::read(context, &state.dpop.public_urls)?;
    let route = Route { guest_request: Some(guest_request), ..Route::new(Charge::Authorize) };
    let (guest, _) = authenticate(state, context, route).await?;
    let (account, session) = (guest.account_sid, guest.session.sid);
    let conversation = state.conversations.by_session(account, session).await?;
    // An erased guest has no conversation.
    if conversation.is_none() && state.conversations.is_erased(account, guest.identity).await? {
        return Err(Error::GuestErased);
    }
    let assertion = assertion::of_guest(&guest, audience.as_deref());
    for (name, value) in [
        (IDENTITY, Some(guest.identity.to_string())),
        (SESSION, state.session_names.of(session)),
        (CONVERSATION, conversation.map(|sid| sid.to_string())),
        (DEPLOYMENT, Some(guest.deployment_key.to_string())),
        (ASSERTION, assertion),
    ] {
        let value = value.and_then(|value| HeaderValue::try_from(value).ok());
        let value = value.unwrap_or(const { HeaderValue::from_static(NONE) });
        context.set_answer_header(HeaderName::from_static(name), value);
    }
    Ok(NoParameters {})
}
