//! Detects finished changes of a polled file. A file that is written in place can be read half-written, and a certificate
//! and its key are replaced one after the other: so a change counts at the second read in a row that shows the same content.

/// Debounces the content of a polled file, or of several files, given a hash of each read.
#[derive(Clone, Debug)]
pub struct Debounce<T> {
    known: T,
    changing: Option<T>,
}

impl<T: Clone + PartialEq> Debounce<T> {
    /// Starts with the content that is in use.
    pub fn new(known: T) -> Self {
        Self { known, changing: None }
    }

    /// Takes the hash of another read. `true` at the second equal read after a change, once per change.
    pub fn is_stable(&mut self, seen: &T) -> bool {
        if *seen == self.known {
            self.changing = None;
            false
        } else if self.changing.as_ref() == Some(seen) {
            self.changing = None;
            self.known.clone_from(seen);
            true
        } else {
            self.changing = Some(seen.clone());
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_counts_at_the_second_equal_read() {
        let missing = Err("missing");
        let mut debounce = Debounce::new(Ok(0));
        for (seen, is_stable) in [
            (Ok(0), false),
            (Ok(1), false),
            (Ok(2), false),
            (Ok(2), true),
            (Ok(2), false),
            (missing, false),
            (Ok(2), false),
            (missing, false),
            (missing, true),
        ] {
            assert_eq!(debounce.is_stable(&seen), is_stable, "{seen:?}");
        }
    }
}
