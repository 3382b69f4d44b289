//! `FWO ->> FC: GET /V1/Configuration/Public?AccountSid=AC…`, seen from FC: this service also serves that route, from its
//! own accounts.toml. Everybody may read which origins an account allows; which deployments it has, only an FWO that asks on
//! the admin listener.

use std::collections::{BTreeMap, BTreeSet};

use service_runtime::RequestContext;
use shared_types::{
    AccountSid,
    orchestrator::{
        NoParameters,
        public_configuration::{Request, Response},
    },
};

use crate::{
    accounts::{AllowedOrigins, Deployment},
    admission::admit_account,
    error::Error,
    state::State,
};

/// Returns an account's allowedOrigins, without its deployments.
pub async fn public_configuration(
    state: &State,
    context: &mut RequestContext<'_>,
    _path: NoParameters,
    Request { account_sid }: Request,
) -> Result<Response, Error> {
    admit_account(state, context, account_sid)?;
    Ok(Response { deployments: BTreeMap::new(), ..of_account(state, account_sid) })
}

/// Returns an account's allowedOrigins, and the list of each deployment that differs from them.
pub async fn configuration(
    state: &State,
    context: &mut RequestContext<'_>,
    _path: NoParameters,
    Request { account_sid }: Request,
) -> Result<Response, Error> {
    state.accounts.current().account(&account_sid).ok_or(Error::NotFound)?;
    context.account = Some(account_sid);
    Ok(of_account(state, account_sid))
}

/// The union of the account's lists that are not empty, and the lists that differ from it.
fn of_account(state: &State, account_sid: AccountSid) -> Response {
    let accounts = state.accounts.current();
    let deployments = accounts.deployments(&account_sid);
    let entries = |origins: &AllowedOrigins| origins.entries().map(str::to_owned).collect::<BTreeSet<_>>();
    let all: BTreeSet<String> =
        deployments.iter().flat_map(|deployment| entries(&deployment.allowed_origins)).collect();
    let differs = |deployment: &&Deployment| entries(&deployment.allowed_origins) != all;
    let list = |deployment: &Deployment| deployment.allowed_origins.entries().map(str::to_owned).collect();
    let deployments = deployments.iter().filter(differs);
    let deployments = deployments.map(|deployment| (deployment.key, list(deployment))).collect();
    Response { allowed_origins: all.into_iter().collect(), deployments }
}
