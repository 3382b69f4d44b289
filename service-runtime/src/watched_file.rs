//! Detects finished changes of a polled file. A file that is written in place can be read half-written, and a certificate
//! and its key are replaced one after the other: so a change counts at the second read in a row that shows the same content.

/// Debounces the content of a polled file, or of several files, given a hash of each read.
#[derive(Clone, Debug)]
pub struct Debounce<T> {
    known: T,
    changing: Option<T>,
}

impl<T: PartialEq> Debounce<T> {
    /// Starts with the content that is in use.
    pub fn new(known: T) -> Self {
        Self { known, changing: None }
    }

    /// Takes the hash of another read. `true` at the second equal read after a change, once per change.
    pub fn observe(&mut self, seen: T) -> bool {
        if seen == self.known {
            self.changing = None;
            false
        } else if self.changing.as_ref() == Some(&seen) {
            self.changing = None;
            self.known = seen;
            true
        } else {
            self.changing = Some(seen);
            false
        }
    }

    /// Whether the last read showed the known content.
    pub fn is_stable(&self) -> bool {
        self.changing.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_counts_at_the_second_equal_read() {
        let missing = Err("missing");
        let mut debounce = Debounce::new(Ok(0));
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
}
