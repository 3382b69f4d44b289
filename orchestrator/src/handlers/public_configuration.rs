//! `FWO ->> FC: GET /V1/Configuration/Public?AccountSid=AC…`, seen from FC: this service plays that part too, out of
//! its own accounts.toml.

use std::collections::BTreeSet;

use service_runtime::RequestContext;
use shared_types::orchestrator::{
    NoParameters,
    public_configuration::{Request, Response},
};

use crate::{accounts::Deployment, error::Error, limit, state::State};

/// Tells an account's allowedOrigins: those of any of its deployments, and where a deployment has others, its own.
pub async fn public_configuration(
    state: &State,
    call: &mut RequestContext<'_>,
    _path: NoParameters,
    Request { account_sid }: Request,
) -> Result<Response, Error> {
    let accounts = state.accounts.current();
    accounts.account(&account_sid).ok_or(Error::NotFound)?;
    call.account = Some(account_sid);
    limit::of_account(state, call, account_sid)?;
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
