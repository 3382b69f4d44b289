//! `FWO ->> FC: GET /V1/Configuration/Public?AccountSid=AC…`, seen from FC: this service plays that part too, out of
//! its own accounts.toml.

use std::collections::BTreeSet;

use service_runtime::Call;
use shared_types::orchestrator::{
    NoParameters,
    public_configuration::{Request, Response},
};

use crate::{accounts::Deployment, app::Orchestrator, error::Error};

/// Tells an account's allowedOrigins: those of any of its deployments, and where a deployment has others, its own.
pub async fn public_configuration(
    fwo: &Orchestrator,
    call: &mut Call<'_>,
    _path: NoParameters,
    Request { account_sid }: Request,
) -> Result<Response, Error> {
    let accounts = fwo.accounts.current();
    let account = accounts.account(&account_sid).ok_or(Error::NotFound)?;
    call.account = Some(account_sid);
    let list =
        |deployment: &Deployment| deployment.allowed_origins.entries().map(str::to_owned).collect::<Vec<_>>();
    let deployments = || account.deployments.iter();
    let allowed_origins: Vec<String> = if deployments()
        .any(|deployment| deployment.allowed_origins.is_empty())
    {
        Vec::new()
    } else {
        deployments().flat_map(|deployment| list(deployment)).collect::<BTreeSet<_>>().into_iter().collect()
    };
    let deployments = deployments().map(|deployment| (deployment.key, list(deployment)));
    let differs = |own: &Vec<String>| own.iter().collect::<BTreeSet<_>>() != allowed_origins.iter().collect();
    let deployments = deployments.filter(|(_, own)| differs(own)).collect();
    Ok(Response { allowed_origins, deployments })
}
