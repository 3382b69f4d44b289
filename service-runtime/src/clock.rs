//! The clock, passed as an argument. Only this file reads the system time; tests advance an adjustable clock.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use chrono::{DateTime, TimeDelta, Utc};

/// The current time.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    /// Offset from the system time, in milliseconds.
    offset: Option<Arc<AtomicI64>>,
}

impl Clock {
    /// The system clock.
    pub fn system() -> Self {
        Self::default()
    }

    /// An adjustable clock, starting at the system time. Clones share the adjustment.
    pub fn adjustable() -> Self {
        Self { offset: Some(Arc::default()) }
    }

    /// The current time.
    #[allow(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
    pub fn now(&self) -> DateTime<Utc> {
        let wall = Utc::now();
        match &self.offset {
            Some(offset) => wall + TimeDelta::milliseconds(offset.load(Ordering::SeqCst)),
            None => wall,
        }
    }

    /// Advances an adjustable clock; no effect on a system clock.
    pub fn advance(&self, by: TimeDelta) {
        if let Some(offset) = &self.offset {
            offset.fetch_add(by.num_milliseconds(), Ordering::SeqCst);
        }
    }
}
