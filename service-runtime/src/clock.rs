//! The time, as an argument. Only this file reads the wall clock; a test moves its own.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use chrono::{DateTime, TimeDelta, Utc};

/// Where a service takes the time from.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    /// Milliseconds that the clock is ahead of the wall.
    offset: Option<Arc<AtomicI64>>,
}

impl Clock {
    /// The wall clock.
    pub fn system() -> Self {
        Self::default()
    }

    /// A clock that starts with the wall's time and can be moved; its clones move with it.
    pub fn adjustable() -> Self {
        Self { offset: Some(Arc::default()) }
    }

    /// The time now.
    #[allow(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
    pub fn now(&self) -> DateTime<Utc> {
        let wall = Utc::now();
        match &self.offset {
            Some(offset) => wall + TimeDelta::milliseconds(offset.load(Ordering::SeqCst)),
            None => wall,
        }
    }

    /// Moves an adjustable clock; a system clock stays as it is.
    pub fn advance(&self, by: TimeDelta) {
        if let Some(offset) = &self.offset {
            offset.fetch_add(by.num_milliseconds(), Ordering::SeqCst);
        }
    }
}
