//! Atomic changes of the key file: read, change and replace under a lock.

use std::path::Path;

use chrono::{DateTime, Utc};
use zeroize::Zeroizing;

use super::{KeyFile, KeyFileError, RotationError, disk};
use crate::crypto::SecureRandom;

/// Why a key file was not changed. The file is unchanged.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// It is not a key file, or cannot be read or written.
    #[error(transparent)]
    File(#[from] KeyFileError),
    /// The change was rejected.
    #[error(transparent)]
    Rotation(#[from] RotationError),
}

impl KeyFile {
    /// Changes the file at `path`. Unknown members, owner, group and mode are preserved.
    ///
    /// # Errors
    ///
    /// If it cannot be read, parsed or written, or `change` fails. Then the file is unchanged.
    pub fn change<T>(
        path: &Path,
        rng: &dyn SecureRandom,
        now: DateTime<Utc>,
        change: impl FnOnce(&mut Self) -> Result<T, RotationError>,
    ) -> Result<T, ChangeError> {
        let _lock = disk::Lock::take(path)?;
        let json = Zeroizing::new(std::fs::read(path).map_err(KeyFileError::Read)?);
        let mut file = Self::parse(&json)?;
        // Before the change, which may remove the key that it is derived from.
        file.persist_audit_key(rng, now)?;
        let before = file.write()?;
        let result = change(&mut file)?;
        let after = file.write()?;
        if after == before {
            return Ok(result);
        }
        // Never write a file that a replica could not parse.
        Self::parse(&after)?;
        disk::replace(path, &after, rng)?;
        Ok(result)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use ring::rand::SystemRandom;
    use serde_json::Value;

    use super::*;
    use crate::key_file::{Force, Use};

    const GOOD: &str = crate::vectors::KEYS;

    fn now() -> DateTime<Utc> {
        "2026-11-20T12:00:00Z".parse().unwrap()
    }

    fn set(path: &Path) -> Value {
        serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
    }

    #[test]
    fn unknown_members_and_other_keys_are_preserved() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.json");
        let others = GOOD.replacen("\"kty\"", "\"x5t\": {\"a\": [1]}, \"kty\"", 1);
        fs::write(&path, others.replacen('{', "{\"comment\": \"ours\",", 1)).unwrap();
        let rng = SystemRandom::new();
        let kid =
            KeyFile::change(&path, &rng, now(), |file| file.generate(Use::Signing, &rng, now())).unwrap();
        let (old, new): (Value, Value) = (serde_json::from_str(GOOD).unwrap(), set(&path));
        assert_eq!(new["comment"], "ours");
        let keys = new["keys"].as_array().unwrap();
        assert_eq!(keys[0]["x5t"], serde_json::json!({"a": [1]}));
        assert_eq!(&keys[1..5], &old["keys"].as_array().unwrap()[1..5]);
        // The audit key that was derived until now, and the one that was generated.
        assert_eq!((keys[5]["use"].as_str(), keys[6]["kid"].as_str()), (Some("audit"), Some(kid.as_str())));
        assert_eq!(keys.len(), 7);
    }

    #[test]
    fn failed_and_empty_changes_are_not_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.json");
        let rng = SystemRandom::new();
        for (text, kid) in
            [("no key file", "enc-1"), ("{\"keys\": []}", "enc-1"), (GOOD, "enc-9"), (GOOD, "enc-1")]
        {
            fs::write(&path, text).unwrap();
            let day = std::time::Duration::from_secs(86_400);
            let done = KeyFile::change(&path, &rng, now(), |file| file.activate(kid, now(), day, Force::Now));
            assert_eq!(done.is_ok(), (text, kid) == (GOOD, "enc-1"), "{done:?}");
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left");
        }
    }

    #[test]
    fn concurrent_changes_are_all_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.json");
        fs::write(&path, GOOD).unwrap();
        std::thread::scope(|scope| {
            for _ in 0..16 {
                scope.spawn(|| {
                    let rng = SystemRandom::new();
                    KeyFile::change(&path, &rng, now(), |file| file.generate(Use::Encryption, &rng, now()))
                        .unwrap();
                });
            }
        });
        assert_eq!(set(&path)["keys"].as_array().unwrap().len(), 5 + 1 + 16);
    }
}
