//! `B ->> FWO: POST /v2/Webchat/Token/Assertion` (assertion diagram; contract, section 13).

use service_runtime::RequestContext;
use shared_types::{
    AssertionAnswer,
    orchestrator::{NoParameters, create_assertion::Request},
};

use crate::{
    admission::{Route, rate_limit::Charge},
    dpop::Nonce,
    error::Error,
    session::{assertion, authenticate::authenticate},
    state::State,
};

/// Returns an assertion of the guest for a service of the customer. A proof needs a nonce: one that was made in advance
/// must not be worth an assertion.
pub async fn create_assertion(
    state: &State,
    context: &mut RequestContext<'_>,
    _path: NoParameters,
    Request { audience }: Request,
) -> Result<AssertionAnswer, Error> {
    let route = Route { nonce: Nonce::Required, ..Route::new(Charge::Call) };
    let (guest, mut admitted) = authenticate(state, context, route).await?;
    assertion::of_guest(state, context, &guest, &mut admitted, audience).await
}
