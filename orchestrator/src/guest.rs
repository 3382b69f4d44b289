//! `FWO ->> FAS: POST /v1/Accounts/AC…/Tokens/validate`: who makes a call of the conversation diagram. Every call asks
//! anew; nothing of the answer outlives the request.

use service_runtime::Call;
use shared_types::{
    AccountSid, AddressSid, DeploymentKey, Grant, Identity, SealedToken, Thumbprint,
    federated_auth::validate_token::Request, scoped_auth::generate::EarlierSession,
};

use crate::{
    app::Orchestrator,
    boundary, configuration,
    error::Error,
    fingerprint, limit,
    proof::{self, Nonce},
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
pub async fn of_call(fwo: &Orchestrator, call: &mut Call<'_>) -> Result<Guest, Error> {
    let bearer = call
        .bearer()
        .or_else(|| call.credential(b"dpop"))
        .and_then(|bearer| str::from_utf8(bearer).ok())
        .map(str::to_owned);
    let token = bearer.and_then(SealedToken::new).ok_or(Error::NoToken)?;
    let deployment_key = token.claimed_deployment().ok_or(Error::InvalidToken)?;
    let snapshot = match configuration::of_deployment(fwo, call, deployment_key).await {
        // Here the key is part of the token, and so is what is wrong with it.
        Err(Error::DeploymentKeyNotFound) => return Err(Error::InvalidToken),
        snapshot => snapshot?,
    };
    boundary::set_acao(call, &snapshot)?;
    snapshot.must_be_enabled()?;
    limit::other(fwo, call, &snapshot)?;
    let fingerprint = fingerprint::of_call(fwo, call, &snapshot)?;
    let jkt = proof::of_call(fwo, call, Some(token.as_str()), Nonce::Optional)?;
    let request = Request { token, fingerprint, jkt };
    let validated = fwo.federated_auth.validate_token(call, snapshot.account.sid, &request).await?;
    let address_sid = validated.roles.iter().find_map(|grant| match grant {
        Grant::Webchat(webchat) => Some(webchat.address_sid),
        Grant::Chat(_) | Grant::Other(..) => None,
    });
    Ok(Guest {
        account_sid: snapshot.account.sid,
        deployment_key,
        address_sid: address_sid.ok_or(Error::InvalidToken)?,
        identity: validated.identity,
        session: EarlierSession { sid: validated.session_id, auth_time: validated.auth_time },
        jkt: validated.jkt,
    })
}
