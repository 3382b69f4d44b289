//! Detects finished changes. A file that is written in place can be read half-written, and a certificate and its key are
//! replaced one after the other: so a change counts at the second read in a row that shows the same content.

/// Debounces the content of a polled file, or of several files, given a hash of each read.
#[derive(Clone, Debug)]
pub(super) struct Debounce<T> {
    /// `None` before the first read, if no content is in use: then the first content counts at once.
    known: Option<T>,
    changing: Option<T>,
}

impl<T: PartialEq> Debounce<T> {
    /// Starts with the content that is in use, if any.
    pub(super) fn new(known: Option<T>) -> Self {
        Self { known, changing: None }
    }

    /// Records the hash of another read. `true` at the second equal read after a change, once per change.
    pub(super) fn observe(&mut self, seen: T) -> bool {
        if self.known.as_ref() == Some(&seen) {
            self.changing = None;
            false
        } else if self.known.is_none() || self.changing.as_ref() == Some(&seen) {
            self.changing = None;
            self.known = Some(seen);
            true
        } else {
            self.changing = Some(seen);
            false
        }
    }

    /// Whether the last read showed the known content.
    pub(super) fn is_stable(&self) -> bool {
        self.changing.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_counts_at_the_second_equal_read() {
        let missing = Err("missing");
        let mut debounce = Debounce::new(Some(Ok(0)));
        for (seen, is_change, is_stable) in [
            (Ok(0), false, true),
            (Ok(1), false, false),
            (Ok(2), false, false),
            (Ok(2), true, true),
            (Ok(2), false, true),
            (missing, false, false),
            (Ok(2), false, true),
            (missing, false, false),
            (missing, true, true),
        ] {
            assert_eq!((debounce.observe(seen), debounce.is_stable()), (is_change, is_stable), "{seen:?}");
        }
    }

    #[test]
    fn the_first_content_counts_at_once() {
        let mut debounce = Debounce::new(None);
        let changes = [1, 1, 2, 2].map(|seen| debounce.observe(seen));
        assert_eq!(changes, [true, false, false, true]);
    }
}
