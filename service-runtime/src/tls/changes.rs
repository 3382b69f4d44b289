//! Whether files have changed and lie still: what is read counts once the next read gives the same.

use super::files::ContentHash;

/// Tells a change from its being in the middle of one.
pub(super) struct Changes {
    known: ContentHash,
    changing: Option<ContentHash>,
}

impl Changes {
    pub(super) fn since(known: ContentHash) -> Self {
        Self { known, changing: None }
    }

    /// Whether this is a change that the read before has shown too. It is told once.
    pub(super) fn is_stable(&mut self, seen: &ContentHash) -> bool {
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
    use super::{
        super::files::{Part, TlsError},
        *,
    };

    #[test]
    fn a_change_counts_once_it_has_come_to_rest() {
        let gone = Err(TlsError::new(Part::Key, "gone"));
        let of = |content| Ok([content; 32]);
        let mut changes = Changes::since(of(0));
        for (seen, counts) in [
            (of(0), false),
            (of(1), false),
            (of(2), false),
            (of(2), true),
            (of(2), false),
            (gone.clone(), false),
            (of(2), false),
            (gone.clone(), false),
            (gone, true),
        ] {
            assert_eq!(changes.is_stable(&seen), counts, "{seen:?}");
        }
    }
}
