//! `FWO ->> FC: GET /V1/Configuration/Public?AccountSid=AC…`, seen from FC: this service also serves that route, from its
//! own accounts.toml.

use std::collections::BTreeSet;

use service_runtime::RequestContext;
use shared_types::orchestrator::{
    NoParameters,
    public_configuration::{Request, Response},
};

use crate::{accounts::Deployment, admission::admit_account, error::Error, state::State};

/// Returns an account's allowedOrigins: the union over its deployments, and the list of each deployment that differs
/// from the union.
pub async fn public_configuration(
    state: &State,
    context: &mut RequestContext<'_>,
    _path: NoParameters,
    Request { account_sid }: Request,
) -> Result<Response, Error> {
    admit_account(state, context, account_sid)?;
    let accounts = state.accounts.current();
    let deployments = accounts.deployments(&account_sid);
    let list = |deployment: &Deployment| deployment.allowed_origins.entries().map(str::to_owned).collect();
    let all: BTreeSet<&str> = if deployments.iter().any(|deployment| deployment.allowed_origins.is_empty()) {
        BTreeSet::new()
    } else {
        deployments.iter().flat_map(|deployment| deployment.allowed_origins.entries()).collect()
    };
    let differs =
        |deployment: &&Deployment| deployment.allowed_origins.entries().collect::<BTreeSet<_>>() != all;
    let deployments = deployments.iter().filter(differs);
    let deployments = deployments.map(|deployment| (deployment.key, list(deployment))).collect();
    let allowed_origins = all.into_iter().map(str::to_owned).collect();
    Ok(Response { allowed_origins, deployments })
}
