//! `Proxy ->> FWO: /v2/Webchat/Authorize` (contract, section 13).

use actix_web::http::header::{HeaderName, HeaderValue};
use service_runtime::RequestContext;
use shared_types::orchestrator::{
    NoParameters,
    authorize::{ASSERTION, CONVERSATION, DEPLOYMENT, IDENTITY, NONE, SESSION},
};

use crate::{
    admission::{Route, rate_limit::Charge},
    authorize::{GuestRequest, Options},
    error::Error,
    session::{
        assertion::{self, newest_conversation},
        authenticate::authenticate,
    },
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
    let (guest, mut admitted) = authenticate(state, context, route).await?;
    let conversation = newest_conversation(state, context, &guest).await?;
    let assertion = match audience {
        Some(audience) => {
            let audience = audience.parse().map_err(|_| assertion::unlisted())?;
            let signed = assertion::of_guest(state, context, &guest, &mut admitted, audience).await?;
            Some(signed.assertion.as_str().to_owned())
        }
        None => None,
    };
    for (name, value) in [
        (IDENTITY, Some(guest.identity.to_string())),
        (SESSION, guest.session_hash),
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
