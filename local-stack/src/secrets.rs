//! The secrets of a local stack. Service secrets are generated at each start; the fingerprint key is kept in a file, since
//! a new one would end every guest's session.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretString};
use service_runtime::{ServiceCredential, operator_file::warn_if_exposed, random::Random};
use shared_types::fingerprint::FingerprintKeys;

/// Generates a service secret.
pub fn service_secret(random: &Random) -> SecretString {
    SecretString::from(URL_SAFE_NO_PAD.encode(random.bytes::<32>()))
}

/// The fingerprint key in the file at `path`, which is created if it is missing.
pub fn fingerprint_key(path: &Path, random: &Random) -> io::Result<FingerprintKeys> {
    FingerprintKeys::from_base64url(read_or_create(path, random)?.expose_secret()).map_err(|_| {
        io::Error::new(io::ErrorKind::InvalidData, format!("{}: not a fingerprint key", path.display()))
    })
}

/// Creates the folder of keys, accounts and conversations.
pub fn create_folder(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path).map_err(|error| of_path(path, error))
}

/// The secret of callers in the file at `path`, which is created if it is missing.
pub fn kept_secret(path: &Path, random: &Random) -> io::Result<SecretString> {
    let secret = read_or_create(path, random)?;
    if ServiceCredential::new(&secret).is_some() {
        return Ok(secret);
    }
    let reason = format!("{}: expected {}", path.display(), ServiceCredential::EXPECTED);
    Err(io::Error::new(io::ErrorKind::InvalidData, reason))
}

/// The text of the file at `path`, which is created with a new secret and mode 0600 if it is missing.
fn read_or_create(path: &Path, random: &Random) -> io::Result<SecretString> {
    let create = || match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(mut file) => {
            file.write_all(URL_SAFE_NO_PAD.encode(random.bytes::<32>()).as_bytes())?;
            file.sync_all()?;
            tracing::info!(file = %path.display(), "secret file missing, created with a new secret");
            Ok(())
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    };
    let read = create().and_then(|()| fs::read_to_string(path));
    warn_if_exposed(path);
    read.map(|text| SecretString::from(text.trim())).map_err(|error| of_path(path, error))
}

/// The error with the path that it is about.
pub(crate) fn of_path(path: &Path, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
