//! `FWO ->> FAS: POST /v1/Accounts/AC…/Tokens/validate` with `assertion`: an assertion of an authenticated guest for a
//! service of the customer (assertion diagram; contract, section 13).

use service_runtime::RequestContext;
use shared_types::{
    AssertionAnswer, AssertionAudience, ConversationSid,
    federated_auth::validate_token::{AssertionRequest, Request},
};

use crate::{admission::Admitted, error::Error, session::authenticate::Guest, state::State};

/// An assertion of `guest`, whose request was admitted. Only ScopedAuthService can read the session, so its conversation is
/// looked up after the token was validated; the token is then judged again and the assertion signed in one step.
///
/// # Errors
///
/// `InvalidField` if the account does not list the audience. It follows the validation of the token, so that strangers do
/// not learn which services an account has. `NotFound` if this installation has no issuer; `GuestErased`.
pub async fn of_guest(
    state: &State,
    context: &RequestContext<'_>,
    guest: &Guest,
    admitted: &mut Admitted,
    audience: AssertionAudience,
) -> Result<AssertionAnswer, Error> {
    if !admitted.config.account.assertion_audiences.contains(&audience) {
        context.step("Does not find the audience in the account's list");
        return Err(unlisted());
    }
    context.step("Finds the audience in the account's list");
    let conversation_sid = newest_conversation(state, context, guest).await?;
    let token = admitted.token.take().ok_or(Error::NoToken)?;
    let assertion = Some(AssertionRequest { audience, conversation_sid });
    let request = Request { token, fingerprint: admitted.fingerprint.take(), jkt: admitted.jkt, assertion };
    let validated = state.federated_auth.validate_token(context, guest.account_sid, &request).await?;
    validated.assertion.ok_or(Error::NotFound)
}

/// The account does not list the audience.
pub fn unlisted() -> Error {
    Error::InvalidField { field: "audience", reason: "expected one of the account's `assertion_audiences`" }
}

/// The newest conversation of the guest's session.
pub async fn newest_conversation(
    state: &State,
    context: &RequestContext<'_>,
    guest: &Guest,
) -> Result<Option<ConversationSid>, Error> {
    context.step("Finds the session's newest conversation");
    let (account, session) = (guest.account_sid, guest.session.sid);
    Ok(state.conversations.by_session(account, session, guest.identity).await?)
}
