//! Decides by their metadata when files must be read again.

use std::{
    os::unix::fs::MetadataExt as _,
    path::Path,
    time::{Duration, Instant},
};

/// File metadata that show a change without reading the file: device and inode after following links, length, and the
/// times of modification and status change.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    length: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    /// The metadata of the file at `path`, or the error of the operating system.
    fn of(path: &Path) -> Result<Self, String> {
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

/// The metadata of each of the files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stamps(Vec<Result<Stamp, String>>);

impl Stamps {
    pub(super) fn of(paths: &[&Path]) -> Self {
        Self(paths.iter().map(|path| Stamp::of(path)).collect())
    }
}

/// Coarsest timestamp resolution of file systems (FAT).
const TICK: Duration = Duration::from_secs(2);

/// Decides whether the files must be read. With unchanged stamps they need not be, with one exception: a write may follow a
/// read within one tick of the file system's clock and leave the stamp unchanged. So a read is final only if it began one
/// tick after the stamps were first seen, measured by this process's clock, since the clock of a file server may differ.
#[derive(Debug, Default)]
pub(super) struct ChangeDetector {
    stamps: Option<Stamps>,
    seen_at: Option<Instant>,
    is_settled: bool,
}

impl ChangeDetector {
    /// Whether the files, with these stamps now, must be read.
    pub(super) fn must_read(&mut self, stamps: &Stamps, now: Instant) -> bool {
        if self.stamps.as_ref() != Some(stamps) {
            *self = Self { stamps: Some(stamps.clone()), seen_at: Some(now), is_settled: false };
        }
        !self.is_settled
    }

    /// Records a read that began at `began`, with the stamps after it. `is_stable` is false if the content must be read once
    /// more before it counts.
    pub(super) fn has_read(&mut self, began: Instant, stamps: &Stamps, is_stable: bool) {
        let is_past_tick =
            self.seen_at.is_some_and(|seen_at| began.saturating_duration_since(seen_at) > TICK);
        self.is_settled = is_stable && is_past_tick && self.stamps.as_ref() == Some(stamps);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of two files, the second of which changes.
    fn stamps(number: u64) -> Stamps {
        let stamp = |inode| Ok(Stamp { device: 1, inode, length: 3, modified: (0, 0), changed: (0, 0) });
        Stamps(vec![stamp(0), stamp(number)])
    }

    /// Polls every half second a file with these stamps. Returns the indexes at which it is read.
    fn reads(
        change_detector: &mut ChangeDetector,
        begin: Instant,
        numbers: &[u64],
        is_stable: impl Fn(usize) -> bool,
    ) -> Vec<usize> {
        let mut reads = Vec::new();
        for (number, now) in numbers.iter().enumerate() {
            let at = begin + Duration::from_millis(500) * number as u32;
            if change_detector.must_read(&stamps(*now), at) {
                reads.push(number);
                change_detector.has_read(at, &stamps(*now), is_stable(number));
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
        let numbers = [1; 12];
        assert_eq!(
            reads(&mut change_detector, Instant::now(), &numbers, |number| number > 8),
            (0..10).collect::<Vec<_>>()
        );
    }

    #[test]
    fn a_file_that_changes_while_it_is_read_is_read_again() {
        let (mut change_detector, begin) = (ChangeDetector::default(), Instant::now());
        let later = begin + Duration::from_secs(10);
        assert!(change_detector.must_read(&stamps(1), begin));
        assert!(change_detector.must_read(&stamps(1), later));
        change_detector.has_read(later, &stamps(2), true);
        assert!(change_detector.must_read(&stamps(1), later), "even if it were as before then");
        change_detector.has_read(later, &stamps(1), true);
        assert!(!change_detector.must_read(&stamps(1), later));
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
