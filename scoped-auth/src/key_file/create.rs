//! `scoped-auth keys generate`: a key file with fresh keys.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use chrono::{DateTime, Utc};

use super::{KeyFile, KeyFileError, jwk};
use crate::crypto::{self, Failed, P256, Secret, SecureRandom};

impl KeyFile {
    /// Makes a file at `path`, readable by its owner alone, with one fresh active key of each use. Their names say the
    /// day, `enc-20261120-1f3a`.
    ///
    /// # Errors
    ///
    /// If something stands at `path`, which is never overwritten, or the file cannot be written. Then, and if the
    /// machine stops midway, there is no file at `path`: half a one never.
    pub fn create(path: &Path, rng: &dyn SecureRandom, now: DateTime<Utc>) -> Result<(), KeyFileError> {
        let json = {
            let enc = Secret::new(crypto::random(rng)?);
            let sig = P256::generate(rng)?;
            let (enc_kid, sig_kid) = (name("enc", rng, now)?, name("sig", rng, now)?);
            jwk::write_set((&enc_kid, &enc), (&sig_kid, &sig)).map_err(|_| KeyFileError::Randomness)?
        };
        let temporary = Temporary(beside(path, rng)?);
        write_new(&temporary.0, &json)
            // A link, unlike a rename, fails if something is there, however late it came.
            .and_then(|()| fs::hard_link(&temporary.0, path))
            .and_then(|()| File::open(folder(path))?.sync_all())
            .map_err(KeyFileError::Create)
    }
}

impl From<Failed> for KeyFileError {
    fn from(_: Failed) -> Self {
        KeyFileError::Randomness
    }
}

fn name(usage: &str, rng: &dyn SecureRandom, now: DateTime<Utc>) -> Result<String, Failed> {
    Ok(format!("{usage}-{}-{:04x}", now.format("%Y%m%d"), u16::from_be_bytes(crypto::random(rng)?)))
}

/// A file that is removed again, whatever happens.
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        // It is not there if it could not be made.
        let _ = fs::remove_file(&self.0);
    }
}

fn beside(path: &Path, rng: &dyn SecureRandom) -> Result<PathBuf, Failed> {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{:016x}", u64::from_be_bytes(crypto::random(rng)?)));
    Ok(path.with_file_name(name))
}

fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use ring::rand::SystemRandom;

    use super::*;
    use crate::key_ring::KeyRing;

    fn now() -> DateTime<Utc> {
        "2026-11-20T12:00:00Z".parse().unwrap()
    }

    #[test]
    fn a_made_file_is_readable_by_its_owner_alone_and_makes_a_key_ring() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.json");
        KeyFile::create(&path, &SystemRandom::new(), now()).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left");
        let file = KeyFile::load(&path).unwrap();
        assert!(file.encryption[0].kid.starts_with("enc-20261120-") && file.encryption[0].kid.len() == 17);
        assert!(file.signing[0].kid.starts_with("sig-20261120-") && file.signing[0].kid.len() == 17);
        KeyRing::new(file, &SystemRandom::new()).unwrap();
    }

    #[test]
    fn what_stands_there_is_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.json");
        fs::write(&path, "precious").unwrap();
        let refusal = KeyFile::create(&path, &SystemRandom::new(), now()).unwrap_err();
        assert!(
            matches!(refusal, KeyFileError::Create(error) if error.kind() == io::ErrorKind::AlreadyExists)
        );
        assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left");
    }

    #[test]
    fn no_two_files_share_a_key() {
        let folder = tempfile::tempdir().unwrap();
        let paths = [folder.path().join("a"), folder.path().join("b")];
        let [a, b] = paths.map(|path| {
            KeyFile::create(&path, &SystemRandom::new(), now()).unwrap();
            KeyFile::load(&path).unwrap()
        });
        assert_ne!(*a.encryption[0].secret, *b.encryption[0].secret);
        assert_ne!(*a.signing[0].pair.d, *b.signing[0].pair.d);
    }
}
