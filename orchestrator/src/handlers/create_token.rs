//! `B ->> FWO: POST /v2/Webchat/Token` (create diagram; contract, section 1).

use service_runtime::Call;
use shared_types::{
    federated_auth,
    orchestrator::{
        NoParameters,
        create_token::{Request, Response},
    },
};

use crate::{app::Orchestrator, boundary, configuration, error::Error, fingerprint};

/// Gives a guest a token for a new session.
pub async fn create_token(
    fwo: &Orchestrator,
    call: &mut Call<'_>,
    _path: NoParameters,
    Request { deployment_key }: Request,
) -> Result<Response, Error> {
    let snapshot = configuration::of_deployment(fwo, call, deployment_key).await?;
    boundary::set_acao(call, &snapshot)?;
    snapshot.must_be_enabled()?;
    let request = federated_auth::create_token::Request {
        deployment_key,
        address_sid: snapshot.deployment.address_sid,
        conversations_service_sid: snapshot.account.conversations_service_sid,
        fingerprint: fingerprint::of_call(fwo, call, &snapshot)?,
    };
    let made = fwo.federated_auth.create_token(call, snapshot.account.sid, &request).await?;
    Ok(Response { token: made.token, identity: made.identity, expiration: made.expiration })
}
