//! `B ->> FWO: POST /v2/Webchat/Token/Revoke` (revoke diagram; RFC 7009).

use service_runtime::Call;
use shared_types::{
    federated_auth,
    orchestrator::{
        NoParameters,
        revoke_token::{Request, Response},
    },
};

use crate::{
    admission::{Admission, Admitted, admit},
    app::Orchestrator,
    error::Error,
    rate_limit::Charge,
};

/// Ends the guest's session. A deployment that is switched off is no hindrance, and a token that is none is no error:
/// there is nothing that the page could do about it (RFC 7009, section 2.2).
pub async fn revoke_token(
    fwo: &Orchestrator,
    call: &mut Call<'_>,
    _path: NoParameters,
    Request { deployment_key, token }: Request,
) -> Result<Response, Error> {
    let admission = Admission {
        deployment_key,
        token: Some(&token),
        charge: Charge::Call,
        guest_bytes: 0,
        ignores_disabled: true,
    };
    let Admitted { snapshot, fingerprint, jkt, .. } = admit(fwo, call, admission).await?;
    let request = federated_auth::revoke_token::Request { token, fingerprint, jkt };
    fwo.federated_auth.revoke_token(call, snapshot.account.sid, &request).await?;
    Ok(Response {})
}
