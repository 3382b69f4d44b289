//! Decides when the accounts file must be read again, and when its content counts as changed.

use std::{
    os::unix::fs::MetadataExt as _,
    path::Path,
    time::{Duration, Instant},
};

use ring::digest;

/// SHA-256 of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Digest(Vec<u8>);

impl Digest {
    pub(super) fn of(text: &str) -> Self {
        Self(digest::digest(&digest::SHA256, text.as_bytes()).as_ref().to_vec())
    }
}

/// File metadata that show a change without reading the file: device and inode after following links, length, and the
/// times of modification and status change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    device: u64,
    inode: u64,
    length: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    /// The metadata of the file at `path`, or the error of the operating system.
    pub(super) fn of(path: &Path) -> Result<Self, String> {
        let metadata = std::fs::metadata(path).map_err(|error| error.to_string())?;
        Ok(Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            length: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        })
    }
}

/// Coarsest timestamp resolution of file systems (FAT).
const TICK: Duration = Duration::from_secs(2);

/// Decides whether the file must be read. With an unchanged stamp it need not be, with one exception: a write may follow a
/// read within one tick of the file system's clock and leave the stamp unchanged. So a read is final only if it began one
/// tick after the stamp was first seen, measured by this process's clock, since the clock of a file server may differ.
#[derive(Debug, Default)]
pub(super) struct ChangeDetector {
    stamp: Option<Result<Stamp, String>>,
    seen_at: Option<Instant>,
    is_settled: bool,
}

impl ChangeDetector {
    /// Whether the file, with this stamp now, must be read.
    pub(super) fn must_read(&mut self, stamp: &Result<Stamp, String>, now: Instant) -> bool {
        if self.stamp.as_ref() != Some(stamp) {
            *self = Self { stamp: Some(stamp.clone()), seen_at: Some(now), is_settled: false };
        }
        !self.is_settled
    }

    /// Records a read that began at `began`, with the stamp after it. `is_stable` is false if the content must be read once
    /// more before it counts.
    pub(super) fn has_read(&mut self, began: Instant, stamp: &Result<Stamp, String>, is_stable: bool) {
        let is_past_tick =
            self.seen_at.is_some_and(|seen_at| began.saturating_duration_since(seen_at) > TICK);
        self.is_settled = is_stable && is_past_tick && self.stamp.as_ref() == Some(stamp);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(number: u64) -> Result<Stamp, String> {
        Ok(Stamp { device: 1, inode: number, length: 3, modified: (0, 0), changed: (0, 0) })
    }

    /// Polls every half second a file with these stamps. Returns the indexes at which it is read.
    fn reads(
        change_detector: &mut ChangeDetector,
        begin: Instant,
        stamps: &[u64],
        is_stable: impl Fn(usize) -> bool,
    ) -> Vec<usize> {
        let mut reads = Vec::new();
        for (number, now) in stamps.iter().enumerate() {
            let at = begin + Duration::from_millis(500) * number as u32;
            if change_detector.must_read(&stamp(*now), at) {
                reads.push(number);
                change_detector.has_read(at, &stamp(*now), is_stable(number));
            }
        }
        reads
    }

    #[test]
    fn an_unchanged_file_is_read_until_the_tick_has_passed() {
        let (mut change_detector, begin) = (ChangeDetector::default(), Instant::now());
        assert_eq!(reads(&mut change_detector, begin, &[1; 20], |_| true), [0, 1, 2, 3, 4, 5]);
        let later = begin + Duration::from_secs(10);
        assert_eq!(
            reads(&mut change_detector, later, &[1, 1, 2, 2, 2, 2, 2, 2, 2, 2], |_| true),
            [2, 3, 4, 5, 6, 7]
        );
        let later = later + Duration::from_secs(5);
        assert_eq!(
            reads(&mut change_detector, later, &[2, 2, 1, 2, 1], |_| true),
            [2, 3, 4],
            "back again is new"
        );
    }

    #[test]
    fn a_changing_file_is_read_until_it_is_stable() {
        let mut change_detector = ChangeDetector::default();
        let stamps = [1; 12];
        assert_eq!(
            reads(&mut change_detector, Instant::now(), &stamps, |number| number > 8),
            (0..10).collect::<Vec<_>>()
        );
    }

    #[test]
    fn a_file_that_changes_while_it_is_read_is_read_again() {
        let (mut change_detector, begin) = (ChangeDetector::default(), Instant::now());
        let later = begin + Duration::from_secs(10);
        assert!(change_detector.must_read(&stamp(1), begin));
        assert!(change_detector.must_read(&stamp(1), later));
        change_detector.has_read(later, &stamp(2), true);
        assert!(change_detector.must_read(&stamp(1), later), "even if it were as before then");
        change_detector.has_read(later, &stamp(1), true);
        assert!(!change_detector.must_read(&stamp(1), later));
    }

    #[test]
    fn every_way_to_change_a_file_shows_in_its_stamp() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        let missing = Stamp::of(&path);
        assert!(missing.is_err());
        let mut seen = vec![missing];
        let mut changed = |what: &str| {
            let stamp = Stamp::of(&path);
            assert!(!seen.contains(&stamp), "{what}");
            seen.push(stamp);
        };
        std::fs::write(&path, "one").unwrap();
        changed("made");
        std::fs::write(&path, "three").unwrap();
        changed("longer");
        let new = dir.path().join("new");
        std::fs::write(&new, "seven").unwrap();
        let times =
            std::fs::FileTimes::new().set_modified(std::fs::metadata(&path).unwrap().modified().unwrap());
        std::fs::File::options().append(true).open(&new).unwrap().set_times(times).unwrap();
        std::fs::rename(&new, &path).unwrap();
        changed("replaced by one of the same age and length");
        std::fs::rename(&path, &new).unwrap();
        std::os::unix::fs::symlink("new", &path).unwrap();
        std::fs::write(dir.path().join("other"), "seven").unwrap();
        std::fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("other", &path).unwrap();
        changed("a link that leads elsewhere");
    }
}
