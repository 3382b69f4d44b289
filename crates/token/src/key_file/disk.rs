//! The key file on the disk: made or replaced whole or not at all, whenever the machine stops, and by one command at a
//! time.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown},
    path::{Path, PathBuf},
};

use super::KeyFileError;
use crate::crypto::{self, SecureRandom};

/// Makes a file that its owner alone can read, unless there is one.
pub(super) fn create(path: &Path, bytes: &[u8], rng: &dyn SecureRandom) -> Result<(), KeyFileError> {
    let temporary = Temporary(beside(path, &suffix(rng)?));
    write_new(&temporary.0, bytes)
        .and_then(|file| file.sync_all())
        // A link, unlike a rename, fails if something is there, however late it came.
        .and_then(|()| fs::hard_link(&temporary.0, path))
        .and_then(|()| File::open(folder(path))?.sync_all())
        .map_err(KeyFileError::Create)
}

/// Puts `bytes` in the place of the file at `path`, with its owner, group and mode. A reader finds the old file or the
/// new one.
pub(super) fn replace(path: &Path, bytes: &[u8], rng: &dyn SecureRandom) -> Result<(), KeyFileError> {
    let suffix = suffix(rng)?;
    let replaced = || -> io::Result<()> {
        // What a symbolic link names is replaced, not the link.
        let path = fs::canonicalize(path)?;
        let old = fs::metadata(&path)?;
        let temporary = Temporary(beside(&path, &suffix));
        let file = write_new(&temporary.0, bytes)?;
        let new = file.metadata()?;
        if (new.uid(), new.gid()) != (old.uid(), old.gid()) {
            fchown(&file, Some(old.uid()), Some(old.gid()))?;
        }
        file.set_permissions(fs::Permissions::from_mode(old.mode() & 0o777))?;
        file.sync_all()?;
        fs::rename(&temporary.0, &path)?;
        File::open(folder(&path))?.sync_all()
    };
    replaced().map_err(KeyFileError::Change)
}

/// The right to change a key file; who else asks for it waits. It is a lock on a file beside, which goes away with it:
/// a lock on the key file itself would be one on the file that is about to be replaced.
pub(super) struct Lock {
    path: PathBuf,
    _file: File,
}

impl Lock {
    pub(super) fn take(path: &Path) -> Result<Self, KeyFileError> {
        let path = beside(path, "lock");
        loop {
            let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path);
            let file = file.map_err(KeyFileError::Change)?;
            file.lock().map_err(KeyFileError::Change)?;
            // Who had the lock before has removed the file: then this is a lock on nothing, and somebody else may have
            // one on its successor.
            let ours = file.metadata().map_err(KeyFileError::Change)?;
            if fs::metadata(&path).is_ok_and(|there| (there.dev(), there.ino()) == (ours.dev(), ours.ino())) {
                return Ok(Self { path, _file: file });
            }
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // If it cannot be removed it is found and used by the next.
        let _ = fs::remove_file(&self.path);
    }
}

/// A file that is removed again, whatever happens.
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        // It is not there if it could not be made, or has become the key file.
        let _ = fs::remove_file(&self.0);
    }
}

fn suffix(rng: &dyn SecureRandom) -> Result<String, KeyFileError> {
    Ok(format!("{:016x}", u64::from_be_bytes(crypto::random(rng)?)))
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".");
    name.push(suffix);
    path.with_file_name(name)
}

fn write_new(path: &Path, bytes: &[u8]) -> io::Result<File> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    Ok(file)
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use std::{
        os::unix::fs::symlink,
        sync::atomic::{AtomicU32, Ordering},
        thread,
    };

    use ring::rand::SystemRandom;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    fn names(folder: &Path) -> Vec<OsString> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_made_file_is_readable_by_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.json");
        create(&path, b"keys", &SystemRandom::new()).unwrap();
        assert_eq!(mode(&path), 0o600);
        assert_eq!(names(folder.path()), ["keys.json"], "nothing else is left");
    }

    #[test]
    fn what_stands_there_is_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.json");
        fs::write(&path, "precious").unwrap();
        let refusal = create(&path, b"keys", &SystemRandom::new()).unwrap_err();
        assert!(
            matches!(refusal, KeyFileError::Create(error) if error.kind() == io::ErrorKind::AlreadyExists)
        );
        assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
        assert_eq!(names(folder.path()), ["keys.json"], "nothing else is left");
    }

    #[test]
    fn a_replaced_file_is_another_one_with_the_same_mode() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.json");
        for bits in [0o600, 0o640] {
            fs::write(&path, "old").unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(bits)).unwrap();
            let mut reader = File::open(&path).unwrap();
            replace(&path, b"new", &SystemRandom::new()).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), "new");
            assert_eq!(io::read_to_string(&mut reader).unwrap(), "old", "who reads it reads it to the end");
            assert_eq!(mode(&path), bits);
            assert_eq!(names(folder.path()), ["keys.json"], "nothing else is left");
        }
    }

    #[test]
    fn a_link_stays_one() {
        let folder = tempfile::tempdir().unwrap();
        let (path, target) = (folder.path().join("keys.json"), folder.path().join("data"));
        fs::write(&target, "old").unwrap();
        symlink("data", &path).unwrap();
        replace(&path, b"new", &SystemRandom::new()).unwrap();
        assert_eq!(fs::read_to_string(&target).unwrap(), "new");
        assert!(fs::symlink_metadata(&path).unwrap().is_symlink());
    }

    #[test]
    fn what_cannot_be_replaced_is_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.json");
        fs::create_dir(&path).unwrap();
        assert!(matches!(replace(&path, b"new", &SystemRandom::new()), Err(KeyFileError::Change(_))));
        assert_eq!(names(folder.path()), ["keys.json"], "nothing else is left");
    }

    #[test]
    fn one_at_a_time_has_the_lock() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.json");
        fs::write(&path, "0").unwrap();
        let inside = AtomicU32::new(0);
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..20 {
                        let _lock = Lock::take(&path).unwrap();
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                        let count: u32 = fs::read_to_string(&path).unwrap().parse().unwrap();
                        fs::write(&path, (count + 1).to_string()).unwrap();
                        inside.fetch_sub(1, Ordering::SeqCst);
                    }
                });
            }
        });
        assert_eq!(fs::read_to_string(&path).unwrap(), "160");
        assert_eq!(names(folder.path()), ["keys.json"], "nothing else is left");
    }
}
