//! The latest response of another service: requests of a short time share a fetch, and its failure. If a fetch fails, a
//! stale response is used for a while.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use service_runtime::UpstreamError;

/// The result of a fetch.
pub(crate) type FetchResult<T> = Result<Arc<T>, UpstreamError>;

/// The latest fetch and the latest good response, each with the start of its fetch.
#[derive(Debug)]
pub(crate) struct LatestFetch<T> {
    fresh_for: TimeDelta,
    stale_for: TimeDelta,
    fetched: Option<(DateTime<Utc>, FetchResult<T>)>,
    good: Option<(DateTime<Utc>, Arc<T>)>,
}

impl<T> LatestFetch<T> {
    /// No fetch yet. Requests share one for `fresh_for` after its start; a response is used for `stale_for`.
    pub(crate) const fn new(fresh_for: TimeDelta, stale_for: TimeDelta) -> Self {
        Self { fresh_for, stale_for, fetched: None, good: None }
    }

    /// The result that a request of this time shares. A fetch that began after the request arrived counts as its own.
    pub(crate) fn shared(&self, now: DateTime<Utc>) -> Option<FetchResult<T>> {
        let (begun, result) = self.fetched.as_ref()?;
        // Much later: the clock was set back.
        let is_shared = now - begun < self.fresh_for && *begun - now < self.stale_for;
        is_shared.then(|| result.clone())
    }

    /// Stores the result of a fetch that began at `begun`, and returns it. Only a response that `is_good` is used stale.
    pub(crate) fn store(
        &mut self,
        begun: DateTime<Utc>,
        result: FetchResult<T>,
        is_good: impl FnOnce(&T) -> bool,
    ) -> FetchResult<T> {
        if let Ok(response) = &result
            && is_good(response)
        {
            self.good = Some((begun, response.clone()));
        }
        self.fetched = Some((begun, result.clone()));
        result
    }

    /// The latest good response, if it is not too old.
    pub(crate) fn stale(&self, now: DateTime<Utc>) -> Option<Arc<T>> {
        let (begun, response) = self.good.as_ref()?;
        (now - begun < self.stale_for).then(|| response.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(1_800_000_000_000 + milliseconds).unwrap()
    }

    #[test]
    fn a_fetch_is_shared_for_a_second_and_a_response_is_used_for_a_minute() {
        let mut latest = LatestFetch::new(TimeDelta::seconds(1), TimeDelta::seconds(60));
        assert!(latest.shared(at(0)).is_none() && latest.stale(at(0)).is_none());
        drop(latest.store(at(0), Ok(Arc::new(())), |()| true));
        for (milliseconds, is_shared, is_stale) in [
            (-59_999, true, true),
            (-60_000, false, true),
            (0, true, true),
            (999, true, true),
            (1000, false, true),
            (59_999, false, true),
            (60_000, false, false),
        ] {
            let found = (latest.shared(at(milliseconds)).is_some(), latest.stale(at(milliseconds)).is_some());
            assert_eq!(found, (is_shared, is_stale), "{milliseconds} ms");
        }
        drop(latest.store(at(2000), Err(UpstreamError::Timeout { peer: "FlexConfiguration" }), |()| true));
        assert!(latest.shared(at(2500)).unwrap().is_err() && latest.stale(at(2500)).is_some());
        drop(latest.store(at(4000), Ok(Arc::new(())), |()| false));
        assert!(latest.shared(at(4000)).unwrap().is_ok());
        assert!(latest.stale(at(60_000)).is_none(), "a response that is not good is not used stale");
    }
}
