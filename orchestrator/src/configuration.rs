//! `FWO ->> FWO: Fetches accountSid with Deployment Key`, `Fetches Account Configurations` and `Keeps configurations
//! locally till execution ends`: the one snapshot that a request works with. With a Flex Configuration service set,
//! allowedOrigins come from there, on each request anew; an answer younger than a minute stands in while it fails.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use chrono::{DateTime, TimeDelta, Utc};
use service_runtime::{Call, PeerError};
use shared_types::{AccountSid, DeploymentKey, orchestrator::public_configuration};

use crate::{
    accounts::{Account, Configuration, Deployment},
    allowed_origins::AllowedOrigins,
    app::Orchestrator,
    clients::FlexConfiguration,
    error::Error,
};

/// How long an answer of the Flex Configuration service stands in for the next one.
const STANDS_IN: TimeDelta = TimeDelta::seconds(60);

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

    /// Refuses a deployment that is switched off.
    pub fn must_be_enabled(&self) -> Result<(), Error> {
        if self.deployment.enabled { Ok(()) } else { Err(Error::DeploymentKeyDisabled) }
    }
}

/// The snapshot for a deployment key.
pub async fn of_deployment(
    fwo: &Orchestrator,
    call: &mut Call<'_>,
    key: DeploymentKey,
) -> Result<Snapshot, Error> {
    let configuration = fwo.accounts.current().by_deployment_key(&key);
    let Configuration { account, deployment } = configuration.ok_or(Error::DeploymentKeyNotFound)?;
    call.account = Some(account.sid);
    let fetched = match &fwo.flex_configuration {
        Some(peer) => Some(fwo.fetched.allowed_origins(peer, call, account.sid, key).await?),
        None => None,
    };
    Ok(Snapshot { account, deployment, fetched })
}

/// The latest answers of the Flex Configuration service: one per account of ours that was asked for lately.
#[derive(Debug, Default)]
pub struct Fetched(Mutex<Answers>);

#[derive(Debug, Default)]
struct Answers {
    by_account: HashMap<AccountSid, (DateTime<Utc>, public_configuration::Response)>,
    /// How many there were when the old ones were last removed.
    swept_to: usize,
}

impl Answers {
    fn keep(&mut self, account: AccountSid, now: DateTime<Utc>, answer: public_configuration::Response) {
        self.by_account.insert(account, (now, answer));
        // Each time that they have doubled: so at most twice as many are kept as stand in for one, and a sweep costs
        // each answer no more than its own keeping.
        if self.by_account.len() > 2 * self.swept_to {
            self.by_account.retain(|_, (when, _)| now.signed_duration_since(when) < STANDS_IN);
            self.swept_to = self.by_account.len();
        }
    }

    fn stands_in(&self, account: AccountSid, now: DateTime<Utc>) -> Option<&public_configuration::Response> {
        let (when, answer) = self.by_account.get(&account)?;
        (now.signed_duration_since(when) < STANDS_IN).then_some(answer)
    }
}

impl Fetched {
    async fn allowed_origins(
        &self,
        peer: &FlexConfiguration,
        call: &Call<'_>,
        account: AccountSid,
        key: DeploymentKey,
    ) -> Result<AllowedOrigins, Error> {
        let answer = peer.public_configuration(call, account).await;
        let parsed = answer.and_then(|answer| Ok((parse(&answer, key)?, answer)));
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match parsed {
            Ok((origins, answer)) => {
                kept.keep(account, call.now, answer);
                Ok(origins)
            }
            Err(error) => match kept.stands_in(account, call.now) {
                Some(answer) => {
                    tracing::warn!(%account, %error, "an earlier answer stands in");
                    Ok(parse(answer, key)?)
                }
                None => Err(error.into()),
            },
        }
    }
}

fn parse(answer: &public_configuration::Response, key: DeploymentKey) -> Result<AllowedOrigins, PeerError> {
    let list = answer.deployments.get(&key).unwrap_or(&answer.allowed_origins);
    AllowedOrigins::parse(list).map_err(|refused| PeerError::Invalid {
        peer: "FlexConfiguration",
        what: format!("entry {} of its list: {}", refused.index, refused.reason),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_that_stand_in_for_nothing_any_more_are_not_kept() {
        let at = |seconds| DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap();
        let answer =
            || public_configuration::Response { allowed_origins: vec![], deployments: Default::default() };
        let mut answers = Answers::default();
        // Ten accounts a second, each asked for once.
        for n in 0..100_000 {
            let (account, now) = (AccountSid::from_bits(n), at(n as i64 / 10));
            answers.keep(account, now, answer());
            assert!(answers.stands_in(account, at(n as i64 / 10 + 59)).is_some());
            assert!(answers.stands_in(account, at(n as i64 / 10 + 60)).is_none());
            let lately = AccountSid::from_bits(n.saturating_sub(580));
            assert!(answers.stands_in(lately, now).is_some(), "{n}");
            assert!(answers.by_account.len() <= 2 * 600 + 1, "{}", answers.by_account.len());
        }
    }
}
