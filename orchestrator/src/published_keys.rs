//! `FWO ->> FAS: GET /.well-known/jwks.json`: the public keys of ScopedAuthService, which verifiers of assertions fetch
//! here. Requests share a fetch, so that strangers cause at most one every 10 s and replica.

use std::{sync::Arc, time::Instant};

use chrono::TimeDelta;
use service_runtime::{RequestContext, UpstreamError};
use shared_types::scoped_auth::jwks::Response;
use tokio::sync::Mutex;

use crate::{clients::FederatedAuthClient, latest_fetch::LatestFetch};

/// How long requests share a fetch.
const FRESH_FOR: TimeDelta = TimeDelta::seconds(10);

/// How long the keys are served while they cannot be fetched. With the time that verifiers cache them, less than a signing
/// key is published before it signs.
const STALE_FOR: TimeDelta = TimeDelta::minutes(5);

/// The keys of the latest fetch. One for all workers of a process.
#[derive(Debug)]
pub struct PublishedKeys(Mutex<LatestFetch<Response>>);

impl PublishedKeys {
    /// The keys, fetched by this request or by another one of the same 10 s.
    pub(crate) async fn latest(
        &self,
        client: &FederatedAuthClient,
        context: &RequestContext<'_>,
    ) -> Result<Arc<Response>, UpstreamError> {
        let arrived = Instant::now();
        // Locked during a fetch: concurrent requests wait for its result.
        let mut latest = self.0.lock().await;
        let result = match latest.shared(context.now) {
            Some(result) => result,
            None => {
                // Later than the request's own time if it waited for another fetch.
                let begun = context.now + TimeDelta::from_std(arrived.elapsed()).unwrap_or_default();
                let result = client.publish_keys(context).await.map(Arc::new);
                latest.store(begun, result, |_| true)
            }
        };
        result.or_else(|error| latest.stale(context.now).ok_or(error))
    }
}

impl Default for PublishedKeys {
    fn default() -> Self {
        Self(Mutex::new(LatestFetch::new(FRESH_FOR, STALE_FOR)))
    }
}
