//! Follows the file with the signing secrets of an endpoint. Its last well-formed content counts.

use std::{
    fs,
    path::{Path, PathBuf},
};

use ring::digest::{SHA256, digest};
use secrecy::{ExposeSecret as _, SecretString};
use service_runtime::{operator_file::warn_if_exposed, watched_file::Debounce};
use tokio::task::spawn_blocking;

use super::signature::{EXPECTED, SigningSecrets};

/// Maximum size of the file: far more than two secrets.
const MAX_SIZE: u64 = 64 * 1024;

type Digest = [u8; 32];

/// The file, and the secrets of its last well-formed content.
#[derive(Debug)]
pub(super) struct SigningSecretsFile {
    path: PathBuf,
    current: Option<SigningSecrets>,
    /// `None` before the first read.
    changes: Option<Debounce<Result<Digest, String>>>,
}

impl SigningSecretsFile {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, current: None, changes: None }
    }

    /// The secrets; `None` if there was no well-formed content yet.
    pub(super) fn current(&self) -> Option<&SigningSecrets> {
        self.current.as_ref()
    }

    /// Reads the file. A change counts at the second read that shows it, except the first content.
    pub(super) async fn poll(&mut self) {
        let path = self.path.clone();
        let read = spawn_blocking(move || read(&path)).await.unwrap_or_else(|error| Err(error.to_string()));
        let seen = match &read {
            Ok(text) => Ok(hash(text.expose_secret())),
            Err(reason) => Err(reason.clone()),
        };
        let is_change = match &mut self.changes {
            Some(changes) => changes.observe(seen),
            None => {
                warn_if_exposed(&self.path);
                self.changes = Some(Debounce::new(seen));
                true
            }
        };
        if !is_change {
            return;
        }
        let file = self.path.display();
        match read.and_then(|text| parse(&text)) {
            Ok(secrets) => {
                tracing::info!(%file, "signing secrets of a webhook loaded");
                self.current = Some(secrets);
            }
            Err(reason) => {
                tracing::error!(%file, reason, "signing secrets of a webhook unusable, keeping the previous ones");
            }
        }
    }
}

/// The secrets of a file, or why there are none.
pub fn load(path: &Path) -> Result<SigningSecrets, String> {
    parse(&read(path)?)
}

fn parse(text: &SecretString) -> Result<SigningSecrets, String> {
    text.expose_secret().parse().map_err(|_malformed| EXPECTED.to_owned())
}

fn read(path: &Path) -> Result<SecretString, String> {
    let size = fs::metadata(path).map_err(|error| error.to_string())?.len();
    if size > MAX_SIZE {
        return Err("longer than 64 KiB".to_owned());
    }
    Ok(fs::read_to_string(path).map_err(|error| error.to_string())?.into())
}

fn hash(text: &str) -> Digest {
    let mut hash = Digest::default();
    hash.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
    hash
}
