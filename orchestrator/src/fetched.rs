//! The answers of the Flex Configuration service. Calls of one second share a fetch, and its failure; an answer younger
//! than a minute stands in for one that fails.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use chrono::{DateTime, TimeDelta, Utc};
use service_runtime::{RequestContext, UpstreamError};
use shared_types::{AccountSid, DeploymentKey, orchestrator::public_configuration::Response};

use crate::{allowed_origins::AllowedOrigins, clients::FlexConfiguration, error::Error};

/// How long after a fetch began calls share it.
const SHARED_FOR: TimeDelta = TimeDelta::seconds(1);

/// How long an answer stands in for the next one.
const STANDS_IN: TimeDelta = TimeDelta::seconds(60);

/// One slot for each account of ours that was asked for lately. One for all workers of a process.
#[derive(Debug, Default)]
pub struct Fetched(Mutex<Slots>);

#[derive(Debug, Default)]
struct Slots {
    by_account: HashMap<AccountSid, Slot>,
    /// How many there were after the old ones were last removed.
    swept_to: usize,
}

#[derive(Debug)]
struct Slot {
    used_at: DateTime<Utc>,
    /// Held while the account is fetched: calls that come meanwhile wait for the outcome.
    latest: Arc<tokio::sync::Mutex<Latest>>,
}

type Outcome = Result<Arc<Response>, UpstreamError>;

#[derive(Debug, Default)]
struct Latest {
    /// When the latest fetch began, and its outcome.
    fetched: Option<(DateTime<Utc>, Outcome)>,
    /// The latest good answer.
    good: Option<(DateTime<Utc>, Arc<Response>)>,
}

impl Fetched {
    /// The origins of a deployment, fetched by this call or by another one of the same second.
    pub(crate) async fn allowed_origins(
        &self,
        peer: &FlexConfiguration,
        call: &RequestContext<'_>,
        account: AccountSid,
        key: DeploymentKey,
    ) -> Result<AllowedOrigins, Error> {
        let arrived = Instant::now();
        let slot = self.0.lock().unwrap_or_else(PoisonError::into_inner).slot(account, call.now);
        let mut latest = slot.lock().await;
        let outcome = match latest.shared(call.now) {
            Some(outcome) => outcome,
            None => {
                // Later than the call's own time if it waited for another fetch: those that wait longer share this one.
                let begun = call.now + TimeDelta::from_std(arrived.elapsed()).unwrap_or_default();
                let outcome = peer.public_configuration(call, account).await.map(Arc::new);
                latest.keep(begun, outcome)
            }
        };
        let stands_in = latest.stands_in(call.now);
        drop(latest);
        let error = match outcome.and_then(|answer| parse(&answer, key)) {
            Ok(origins) => return Ok(origins),
            Err(error) => error,
        };
        let Some(answer) = stands_in else { return Err(error.into()) };
        tracing::warn!(%account, %error, "an earlier answer stands in");
        Ok(parse(&answer, key)?)
    }
}

impl Slots {
    fn slot(&mut self, account: AccountSid, now: DateTime<Utc>) -> Arc<tokio::sync::Mutex<Latest>> {
        let slot =
            self.by_account.entry(account).or_insert_with(|| Slot { used_at: now, latest: Arc::default() });
        slot.used_at = now;
        let latest = slot.latest.clone();
        // Each time that they have doubled: so at most twice as many are kept as are of use, and a sweep costs each
        // account no more than its own slot.
        if self.by_account.len() > 2 * self.swept_to {
            self.by_account
                .retain(|_, slot| now - slot.used_at < STANDS_IN || Arc::strong_count(&slot.latest) > 1);
            self.swept_to = self.by_account.len();
        }
        latest
    }
}

impl Latest {
    /// The outcome that a call of this time shares. A fetch that began after the call arrived is as good as its own.
    fn shared(&self, now: DateTime<Utc>) -> Option<Outcome> {
        let (begun, outcome) = self.fetched.as_ref()?;
        // Much later: the clock was set back.
        let is_shared = now - begun < SHARED_FOR && *begun - now < STANDS_IN;
        is_shared.then(|| outcome.clone())
    }

    fn keep(&mut self, begun: DateTime<Utc>, outcome: Outcome) -> Outcome {
        if let Ok(answer) = &outcome
            && is_well_formed(answer)
        {
            self.good = Some((begun, answer.clone()));
        }
        self.fetched = Some((begun, outcome.clone()));
        outcome
    }

    fn stands_in(&self, now: DateTime<Utc>) -> Option<Arc<Response>> {
        let (begun, answer) = self.good.as_ref()?;
        (now - begun < STANDS_IN).then(|| answer.clone())
    }
}

fn parse(answer: &Response, key: DeploymentKey) -> Result<AllowedOrigins, UpstreamError> {
    let list = answer.deployments.get(&key).unwrap_or(&answer.allowed_origins);
    AllowedOrigins::parse(list).map_err(|refused| UpstreamError::Invalid {
        peer: "FlexConfiguration",
        what: format!("entry {} of its list: {}", refused.index, refused.reason),
    })
}

fn is_well_formed(answer: &Response) -> bool {
    let mut lists = answer.deployments.values().chain([&answer.allowed_origins]);
    lists.all(|list| AllowedOrigins::parse(list).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(1_800_000_000_000 + milliseconds).unwrap()
    }

    #[test]
    fn slots_of_accounts_that_are_no_longer_asked_for_are_removed() {
        let mut slots = Slots::default();
        // Ten accounts a second, each asked for once.
        for n in 0..100_000_u128 {
            drop(slots.slot(AccountSid::from_bits(n), at(n as i64 * 100)));
            let lately = AccountSid::from_bits(n.saturating_sub(580));
            assert!(slots.by_account.contains_key(&lately), "{n}");
            assert!(slots.by_account.len() <= 2 * 600 + 1, "{}", slots.by_account.len());
        }
    }

    #[test]
    fn a_fetch_is_shared_for_a_second_and_an_answer_stands_in_for_a_minute() {
        let answer = Response { allowed_origins: vec![], deployments: Default::default() };
        let mut latest = Latest::default();
        assert!(latest.shared(at(0)).is_none() && latest.stands_in(at(0)).is_none());
        drop(latest.keep(at(0), Ok(Arc::new(answer))));
        for (milliseconds, is_shared, stands_in) in [
            (-59_999, true, true),
            (-60_000, false, true),
            (0, true, true),
            (999, true, true),
            (1000, false, true),
            (59_999, false, true),
            (60_000, false, false),
        ] {
            let found =
                (latest.shared(at(milliseconds)).is_some(), latest.stands_in(at(milliseconds)).is_some());
            assert_eq!(found, (is_shared, stands_in), "{milliseconds} ms");
        }
        drop(latest.keep(at(2000), Err(UpstreamError::Timeout { peer: "FlexConfiguration" })));
        assert!(latest.shared(at(2500)).unwrap().is_err() && latest.stands_in(at(2500)).is_some());
    }
}
