//! Rate limit for warnings that a client can trigger: one a minute.

use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, Utc};

const NEVER: i64 = i64::MIN;

/// Time when it was last due, in seconds since 1970.
#[derive(Debug)]
pub(crate) struct OncePerMinute(AtomicI64);

impl OncePerMinute {
    /// Whether a minute has passed since the last true. Of concurrent callers, one gets true.
    pub(crate) fn is_due(&self, now: DateTime<Utc>) -> bool {
        let (now, last) = (now.timestamp(), self.0.load(Ordering::Relaxed));
        // A clock that was set back must not suppress warnings until it has caught up.
        let is_over = last == NEVER || now.abs_diff(last) >= 60;
        is_over && self.0.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

impl Default for OncePerMinute {
    fn default() -> Self {
        Self(AtomicI64::new(NEVER))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_due_once_a_minute() {
        let due = OncePerMinute::default();
        let at = |second: i64| due.is_due(DateTime::from_timestamp(1_800_000_000 + second, 0).unwrap());
        assert_eq!(
            [0, 0, 1, 59, 60, 61, 119, 120].map(at),
            [true, false, false, false, true, false, false, true]
        );
        assert!(at(-3600), "a clock that was set back");
    }
}
