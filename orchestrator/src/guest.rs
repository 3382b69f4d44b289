//! `FWO ->> FAS: POST /v1/Accounts/AC…/Tokens/validate`: who makes a call of the conversation diagram. Every call asks
//! anew; nothing of the answer outlives the request.

use service_runtime::RequestContext;
use shared_types::{
    AccountSid, AddressSid, DeploymentKey, Grant, Identity, SealedToken, Thumbprint,
    federated_auth::validate_token::Request, scoped_auth::generate::EarlierSession,
};

use crate::{
    admission::{Admission, Admitted, admit},
    error::Error,
    identity::IdentityRequest,
    rate_limit::Charge,
    state::State,
};

/// A guest whose token, browser and page have been checked for this call.
#[derive(Clone, Debug)]
pub struct Guest {
    /// The account that the guest chats with.
    pub account_sid: AccountSid,
    /// The deployment that the guest came through.
    pub deployment_key: DeploymentKey,
    /// Where the guest's conversations arrive.
    pub address_sid: AddressSid,
    /// Who the guest is.
    pub identity: Identity,
    /// The guest's session.
    pub session: EarlierSession,
    /// The proof key that the session is bound to.
    pub jkt: Option<Thumbprint>,
}

/// Checks the bearer token of a call. It names the deployment that it was made for, which leads to the configuration
/// as the `deploymentKey` of other routes does; that it was really made for it shows when the token is opened.
///
/// It is charged as `charge`, and looked at whether the guest may have `guest_bytes` stored.
pub async fn authenticate(
    state: &State,
    call: &mut RequestContext<'_>,
    charge: Charge,
    guest_bytes: u32,
) -> Result<(Guest, Admitted), Error> {
    let bearer = call
        .bearer()
        .or_else(|| call.credential(b"dpop"))
        .and_then(|bearer| str::from_utf8(bearer).ok())
        .map(str::to_owned);
    let token = bearer.and_then(SealedToken::new).ok_or(Error::NoToken)?;
    let deployment_key = token.claimed_deployment().ok_or(Error::InvalidToken)?;
    let admission = Admission {
        deployment_key,
        token: Some(&token),
        charge,
        guest_bytes,
        ignores_disabled: false,
        identity: IdentityRequest::None,
    };
    let mut admitted = match admit(state, call, admission).await {
        // Here the key is part of the token, and so is what is wrong with it.
        Err(Error::DeploymentKeyNotFound) => return Err(Error::InvalidToken),
        admitted => admitted?,
    };
    let (account_sid, fingerprint) = (admitted.snapshot.account.sid, admitted.fingerprint.take());
    let request = Request { token, fingerprint, jkt: admitted.jkt };
    let validated = state.federated_auth.validate_token(call, account_sid, &request).await?;
    let address_sid = validated.roles.iter().find_map(|grant| match grant {
        Grant::Webchat(webchat) => Some(webchat.address_sid),
        Grant::Chat(_) | Grant::Other(..) => None,
    });
    let guest = Guest {
        account_sid,
        deployment_key,
        address_sid: address_sid.ok_or(Error::InvalidToken)?,
        identity: validated.identity,
        session: EarlierSession { sid: validated.session_id, auth_time: validated.auth_time },
        jkt: validated.jkt,
    };
    Ok((guest, admitted))
}
