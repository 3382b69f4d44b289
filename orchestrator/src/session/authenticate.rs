//! `FWO ->> FAS: POST /v1/Accounts/AC…/Tokens/validate`: authenticates the guest of a request of the conversation
//! diagram. Every request validates its token again; nothing of the response is cached.

use service_runtime::RequestContext;
use shared_types::{
    AccountSid, AddressSid, DeploymentKey, Grant, Identity, Thumbprint,
    federated_auth::validate_token::Request, scoped_auth::generate::EarlierSession,
};

use crate::{
    admission::{Admitted, Credentials, Route, admit, readmit},
    error::Error,
    state::State,
};

/// A guest whose token, browser and page were verified for this request.
#[derive(Clone, Debug)]
pub struct Guest {
    /// The account that the guest chats with.
    pub account_sid: AccountSid,
    /// The deployment that the guest uses.
    pub deployment_key: DeploymentKey,
    /// The address that the guest's conversations arrive at.
    pub address_sid: AddressSid,
    /// The guest's identity.
    pub identity: Identity,
    /// The guest's session.
    pub session: EarlierSession,
    /// The keyed hash of that session, by which other services know it: from the validation of a token, so `None` for the
    /// guest of a new one.
    pub session_hash: Option<String>,
    /// The proof key that the session is bound to.
    pub jkt: Option<Thumbprint>,
}

/// Admits a request by its bearer token, and validates the token.
pub async fn authenticate(
    state: &State,
    context: &mut RequestContext<'_>,
    route: Route<'_>,
) -> Result<(Guest, Admitted), Error> {
    let mut admitted = admit(state, context, Credentials::Header, route).await?;
    let guest = validate(state, context, &mut admitted).await?;
    Ok((guest, admitted))
}

/// Authenticates a waiting request again, as if it arrived now (contract, section 12).
pub async fn authenticate_again(
    state: &State,
    context: &mut RequestContext<'_>,
    admitted: &mut Admitted,
) -> Result<Guest, Error> {
    readmit(state, context, admitted).await?;
    validate(state, context, admitted).await
}

/// Validates the token of an admitted request.
async fn validate(
    state: &State,
    context: &mut RequestContext<'_>,
    admitted: &mut Admitted,
) -> Result<Guest, Error> {
    let account_sid = admitted.config.account.sid;
    let token = admitted.token.take().ok_or(Error::NoToken)?;
    let (fingerprint, jkt) = (admitted.fingerprint.take(), admitted.jkt);
    let request = Request { token, fingerprint, jkt, assertion: None };
    let validated = state.federated_auth.validate_token(context, account_sid, &request).await?;
    // Kept for a request that waits, or that is for an assertion.
    (admitted.token, admitted.fingerprint) = (Some(request.token), request.fingerprint);
    let address_sid = validated.roles.iter().find_map(|grant| match grant {
        Grant::Webchat(webchat) => Some(webchat.address_sid),
        Grant::Chat(_) | Grant::Other(..) => None,
    });
    Ok(Guest {
        account_sid,
        deployment_key: admitted.config.deployment.key,
        address_sid: address_sid.ok_or(Error::InvalidToken)?,
        identity: validated.identity,
        session: EarlierSession { sid: validated.session_id, auth_time: validated.auth_time },
        session_hash: Some(validated.session_hash),
        jkt: validated.jkt,
    })
}
