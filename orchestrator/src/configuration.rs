//! `FWO ->> FWO: Fetches accountSid with Deployment Key`, `Fetches Account Configurations` and `Keeps configurations
//! locally till execution ends`: the one snapshot that a request works with.

use std::sync::Arc;

use service_runtime::RequestContext;
use shared_types::DeploymentKey;

use crate::{
    accounts::{Account, Configuration, Deployment},
    allowed_origins::AllowedOrigins,
    clients::FlexConfiguration,
    error::Error,
    fetched::Fetched,
    state::State,
};

/// What a request knows of its deployment, unmoved until it ends.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The account.
    pub account: Arc<Account>,
    /// The deployment.
    pub deployment: Deployment,
    /// The origins that the Flex Configuration service told, where one is set.
    fetched: Option<AllowedOrigins>,
}

impl Snapshot {
    /// The origins whose pages may use the deployment.
    pub fn allowed_origins(&self) -> &AllowedOrigins {
        self.fetched.as_ref().unwrap_or(&self.deployment.allowed_origins)
    }

    /// `FWO ->> FC`: takes allowedOrigins from the Flex Configuration service.
    pub async fn fetch_origins(
        &mut self,
        fetched: &Fetched,
        peer: &FlexConfiguration,
        call: &RequestContext<'_>,
    ) -> Result<(), Error> {
        self.fetched =
            Some(fetched.allowed_origins(peer, call, self.account.sid, self.deployment.key).await?);
        Ok(())
    }

    /// Refuses a deployment that is switched off.
    pub fn must_be_enabled(&self) -> Result<(), Error> {
        if self.deployment.enabled { Ok(()) } else { Err(Error::DeploymentKeyDisabled) }
    }
}

/// The snapshot for a deployment key, with the origins of `accounts.toml`.
pub fn of_deployment(
    state: &State,
    call: &mut RequestContext<'_>,
    key: DeploymentKey,
) -> Result<Snapshot, Error> {
    let configuration = state.accounts.current().by_deployment_key(&key);
    let Configuration { account, deployment } = configuration.ok_or(Error::DeploymentKeyNotFound)?;
    call.account = Some(account.sid);
    Ok(Snapshot { account, deployment, fetched: None })
}
