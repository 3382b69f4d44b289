//! Follows the file with the signing secrets of an endpoint. Its last well-formed content counts.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use secrecy::{ExposeSecret as _, SecretString};
use service_runtime::{operator_file::warn_if_exposed, watched_file::FileSource};

use super::signature::{EXPECTED, SigningSecrets};

/// Maximum size of the file: far more than two secrets.
const MAX_SIZE: u64 = 64 * 1024;

/// The path of the file. The value is `None` until there is well-formed content.
pub(super) struct SigningSecretsSource(pub(super) PathBuf);

impl FileSource for SigningSecretsSource {
    type Content = SecretString;
    type Value = Option<Arc<SigningSecrets>>;
    type Error = String;

    fn paths(&self) -> Vec<&Path> {
        vec![&self.0]
    }

    fn read(&self) -> Result<SecretString, String> {
        read(&self.0)
    }

    fn parts(content: &SecretString) -> Vec<&[u8]> {
        vec![content.expose_secret().as_bytes()]
    }

    fn parse(&self, content: SecretString) -> Result<Self::Value, String> {
        warn_if_exposed(&self.0);
        parse(&content).map(|secrets| Some(Arc::new(secrets)))
    }

    fn log_loaded(&self, _: &Self::Value) {
        tracing::info!(file = %self.0.display(), "signing secrets of a webhook loaded");
    }

    fn log_rejected(&self, reason: &String) -> String {
        let file = self.0.display();
        tracing::error!(%file, reason, "signing secrets of a webhook unusable, keeping the previous ones");
        format!("{file}: {reason}")
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
