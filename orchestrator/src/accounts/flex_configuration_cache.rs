//! Cache of the Flex Configuration service's responses. Requests of one second share a fetch, and its failure. If a fetch
//! fails, a stale response is used for up to a minute.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use chrono::{DateTime, TimeDelta, Utc};
use service_runtime::{RequestContext, UpstreamError};
use shared_types::{AccountSid, DeploymentKey, orchestrator::public_configuration::Response};

use super::allowed_origins::AllowedOrigins;
use crate::{clients::FlexConfigurationClient, latest_fetch::LatestFetch};

/// Time from the start of a fetch in which requests share it.
const FRESH_FOR: TimeDelta = TimeDelta::seconds(1);

/// How long a stale response may be used.
const STALE_FOR: TimeDelta = TimeDelta::seconds(60);

/// One slot for each recently requested account. One for all workers of a process.
#[derive(Debug, Default)]
pub struct FlexConfigurationCache(Mutex<Slots>);

#[derive(Debug, Default)]
struct Slots {
    by_account: HashMap<AccountSid, Slot>,
    /// Number of slots after the last eviction.
    swept_to: usize,
}

#[derive(Debug)]
struct Slot {
    used_at: DateTime<Utc>,
    /// Locked during a fetch: concurrent requests wait for its result.
    latest: Arc<tokio::sync::Mutex<LatestFetch<Response>>>,
}

impl FlexConfigurationCache {
    /// The origins of a deployment, fetched by this request or by another one of the same second.
    pub(crate) async fn allowed_origins(
        &self,
        client: &FlexConfigurationClient,
        context: &RequestContext<'_>,
        account: AccountSid,
        key: DeploymentKey,
    ) -> Result<AllowedOrigins, UpstreamError> {
        let arrived = Instant::now();
        let slot = self.0.lock().unwrap_or_else(PoisonError::into_inner).slot(account, context.now);
        let mut latest = slot.lock().await;
        let result = match latest.shared(context.now) {
            Some(result) => result,
            None => {
                // Later than the request's own time if it waited for another fetch: requests that wait longer share this one.
                let begun = context.now + TimeDelta::from_std(arrived.elapsed()).unwrap_or_default();
                let result = client.public_configuration(context, account).await.map(Arc::new);
                latest.store(begun, result, is_well_formed)
            }
        };
        let stale = latest.stale(context.now);
        drop(latest);
        let error = match result.and_then(|response| parse(&response, key)) {
            Ok(origins) => return Ok(origins),
            Err(error) => error,
        };
        let Some(response) = stale else { return Err(error) };
        tracing::warn!(%account, %error, "Flex Configuration fetch failed, using the previous response");
        parse(&response, key)
    }
}

impl Slots {
    fn slot(
        &mut self,
        account: AccountSid,
        now: DateTime<Utc>,
    ) -> Arc<tokio::sync::Mutex<LatestFetch<Response>>> {
        let slot = self.by_account.entry(account).or_insert_with(|| Slot {
            used_at: now,
            latest: Arc::new(LatestFetch::new(FRESH_FOR, STALE_FOR).into()),
        });
        slot.used_at = now;
        let latest = slot.latest.clone();
        // Evicts each time the number has doubled: at most twice the live slots are kept, and the amortised cost is one
        // visit per slot.
        if self.by_account.len() > 2 * self.swept_to {
            self.by_account
                .retain(|_, slot| now - slot.used_at < STALE_FOR || Arc::strong_count(&slot.latest) > 1);
            self.swept_to = self.by_account.len();
        }
        latest
    }
}

fn parse(response: &Response, key: DeploymentKey) -> Result<AllowedOrigins, UpstreamError> {
    let list = response.deployments.get(&key).unwrap_or(&response.allowed_origins);
    AllowedOrigins::parse(list).map_err(|malformed| UpstreamError::Invalid {
        peer: "FlexConfiguration",
        what: format!("entry {} of its list: {}", malformed.index, malformed.reason),
    })
}

fn is_well_formed(response: &Response) -> bool {
    let mut lists = response.deployments.values().chain([&response.allowed_origins]);
    lists.all(|list| AllowedOrigins::parse(list).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(1_800_000_000_000 + milliseconds).unwrap()
    }

    #[test]
    fn slots_of_idle_accounts_are_evicted() {
        let mut slots = Slots::default();
        // Ten accounts a second, each requested once.
        for n in 0..100_000_u128 {
            drop(slots.slot(AccountSid::from_bits(n), at(n as i64 * 100)));
            let lately = AccountSid::from_bits(n.saturating_sub(580));
            assert!(slots.by_account.contains_key(&lately), "{n}");
            assert!(slots.by_account.len() <= 2 * 600 + 1, "{}", slots.by_account.len());
        }
    }
}
