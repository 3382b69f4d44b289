//! Marks of current tokens that were presented since they were made: they distinguish a lost response from a stolen token
//! (contract, section 7). Judging a token marks it in memory; the store is updated in batches, within a second. A
//! crash may lose marks; a replayed token is then accepted, never a valid one rejected.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use quick_cache::sync::Cache;
use service_runtime::api_error::error_chain;
use shared_types::SessionId;
use tokio::time::MissedTickBehavior;

use crate::store::{Store, StoreError};

/// How often the store is updated.
const PERIOD: Duration = Duration::from_millis(500);

/// Capacity of the cache of tokens that are already marked. An evicted token is marked again.
const MARKED: usize = 1 << 16;

/// The maximum number of pending marks; further ones are dropped.
const PENDING: usize = 1 << 14;

/// The marks of one replica.
#[derive(Debug)]
pub(super) struct ShownTokens {
    marked: Cache<(SessionId, u32), ()>,
    pending: Mutex<Vec<(SessionId, u32)>>,
}

impl ShownTokens {
    /// No marks.
    pub(super) fn new() -> Self {
        Self { marked: Cache::new(MARKED), pending: Mutex::default() }
    }

    /// Marks the session's token of this generation as shown. The first one is skipped: it has no predecessor that could
    /// be presented after it. Locks only for a token that was not marked recently.
    pub(super) fn note(&self, session: SessionId, generation: u32) {
        if generation == 0 {
            return;
        }
        if self.marked.get(&(session, generation)).is_some() {
            return;
        }
        self.marked.insert((session, generation), ());
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        if pending.len() < PENDING {
            pending.push((session, generation));
        }
    }

    /// Writes all marks to the store. On an error they stay pending.
    pub(super) async fn flush(&self, store: &Store) -> Result<(), StoreError> {
        let marks = std::mem::take(&mut *self.pending.lock().unwrap_or_else(PoisonError::into_inner));
        if marks.is_empty() {
            return Ok(());
        }
        let written = store.mark_shown(&marks).await;
        if written.is_err() {
            let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
            let room = PENDING.saturating_sub(pending.len());
            pending.extend(marks.into_iter().take(room));
        }
        written
    }

    /// Writes the marks to the store at an interval. Runs until it is dropped.
    pub(super) async fn run_flush_loop(&self, store: &Store) {
        let mut ticks = tokio::time::interval(PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut is_available = true;
        loop {
            ticks.tick().await;
            match self.flush(store).await {
                Ok(()) => is_available = true,
                Err(error) if is_available => {
                    tracing::warn!(cause = error_chain(&error), "shown tokens not written, retrying");
                    is_available = false;
                }
                Err(_) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pending(shown: &ShownTokens) -> usize {
        shown.pending.lock().unwrap().len()
    }

    #[test]
    fn a_token_is_marked_once() {
        let shown = ShownTokens::new();
        let session = SessionId::from_random([1; 16]);
        for _ in 0..3 {
            shown.note(session, 1);
        }
        assert_eq!(pending(&shown), 1);
        shown.note(session, 2);
        assert_eq!(pending(&shown), 2);
    }

    #[test]
    fn a_first_token_is_not_marked() {
        let shown = ShownTokens::new();
        shown.note(SessionId::from_random([1; 16]), 0);
        assert_eq!(pending(&shown), 0);
    }

    #[test]
    fn pending_marks_are_bounded() {
        let shown = ShownTokens::new();
        for n in 0..2 * PENDING as u128 {
            shown.note(SessionId::from_random(n.to_be_bytes()), 1);
        }
        assert_eq!(pending(&shown), PENDING);
    }
}
