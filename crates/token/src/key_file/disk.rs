//! The key file on disk: created or replaced atomically, also across a crash, and by one command at a time.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown},
    path::{Path, PathBuf},
};

use super::KeyFileError;
use crate::crypto::{self, SecureRandom};

/// Creates a file with mode 0600; fails if `path` exists.
pub(super) fn create(path: &Path, bytes: &[u8], rng: &dyn SecureRandom) -> Result<(), KeyFileError> {
    let temporary = Temporary(sibling(path, &suffix(rng)?));
    write_new(&temporary.0, bytes)
        .and_then(|file| file.sync_all())
        // A link, unlike a rename, fails if the target exists, even if it was created meanwhile.
        .and_then(|()| fs::hard_link(&temporary.0, path))
        .and_then(|()| File::open(folder(path))?.sync_all())
        .map_err(KeyFileError::Create)
}

/// Replaces the file at `path` by `bytes`, with the same owner, group and mode. A reader sees the old file or the new one.
pub(super) fn replace(path: &Path, bytes: &[u8], rng: &dyn SecureRandom) -> Result<(), KeyFileError> {
    let suffix = suffix(rng)?;
    let replaced = || -> io::Result<()> {
        // Replaces the target of a symbolic link, not the link.
        let path = fs::canonicalize(path)?;
        let old = fs::metadata(&path)?;
        let temporary = Temporary(sibling(&path, &suffix));
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

/// An exclusive lock for changing a key file; [`Lock::take`] blocks. It locks a sibling file, removed on drop: the key file
/// itself is about to be replaced, and a lock on it would cover the old inode only.
pub(super) struct Lock {
    path: PathBuf,
    _file: File,
}

impl Lock {
    pub(super) fn take(path: &Path) -> Result<Self, KeyFileError> {
        let path = sibling(path, "lock");
        loop {
            let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path);
            let file = file.map_err(KeyFileError::Change)?;
            file.lock().map_err(KeyFileError::Change)?;
            // The previous holder removes the file: then this lock is on an unlinked inode, and another process may hold
            // one on its successor. Retry.
            let ours = file.metadata().map_err(KeyFileError::Change)?;
            if fs::metadata(&path).is_ok_and(|there| (there.dev(), there.ino()) == (ours.dev(), ours.ino())) {
                return Ok(Self { path, _file: file });
            }
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // If it cannot be removed, the next holder reuses it.
        let _ = fs::remove_file(&self.path);
    }
}

/// A file that is removed on drop.
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        // It does not exist if it was not created, or was renamed to the key file.
        let _ = fs::remove_file(&self.0);
    }
}

fn suffix(rng: &dyn SecureRandom) -> Result<String, KeyFileError> {
    Ok(format!("{:016x}", u64::from_be_bytes(crypto::random(rng)?)))
}

/// A hidden file in the folder of `path`.
fn sibling(path: &Path, suffix: &str) -> PathBuf {
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
    fn a_created_file_is_readable_by_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.json");
        create(&path, b"keys", &SystemRandom::new()).unwrap();
        assert_eq!(mode(&path), 0o600);
        assert_eq!(names(folder.path()), ["keys.json"], "nothing else is left");
    }

    #[test]
    fn an_existing_file_is_not_overwritten() {
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
            assert_eq!(
                io::read_to_string(&mut reader).unwrap(),
                "old",
                "an open reader reads the old file to the end"
            );
            assert_eq!(mode(&path), bits);
            assert_eq!(names(folder.path()), ["keys.json"], "nothing else is left");
        }
    }

    #[test]
    fn a_symbolic_link_is_preserved() {
        let folder = tempfile::tempdir().unwrap();
        let (path, target) = (folder.path().join("keys.json"), folder.path().join("data"));
        fs::write(&target, "old").unwrap();
        symlink("data", &path).unwrap();
        replace(&path, b"new", &SystemRandom::new()).unwrap();
        assert_eq!(fs::read_to_string(&target).unwrap(), "new");
        assert!(fs::symlink_metadata(&path).unwrap().is_symlink());
    }

    #[test]
    fn a_failed_replacement_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.json");
        fs::create_dir(&path).unwrap();
        assert!(matches!(replace(&path, b"new", &SystemRandom::new()), Err(KeyFileError::Change(_))));
        assert_eq!(names(folder.path()), ["keys.json"], "nothing else is left");
    }

    #[test]
    fn the_lock_is_exclusive() {
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
