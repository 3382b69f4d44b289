//! Secrets, inline or from a file.

use std::{fs, path::Path};

use secrecy::{ExposeSecret, SecretString};

use super::{Requirement, SettingError, Settings};
use crate::{
    http::ServiceCredential,
    operator_file::{BYTE_ORDER_MARK, warn_if_exposed},
};

impl Settings {
    /// A secret, inline or from a file (`…_FILE`); surrounding white space is ignored.
    pub fn secret(&self, name: &str) -> Result<SecretString, SettingError> {
        let file_name = format!("{name}_file");
        let requirement = self.requirement(name);
        // As for other settings with a default, an empty value counts as not set.
        let has_default = matches!(requirement, Some(Requirement::DefaultSecret(_)));
        let given = |name: &str| self.given.get(name).filter(|value| !(has_default && value.is_empty()));
        let text = match (given(name), given(&file_name), requirement) {
            (Some(_), Some(_), _) => return Err(self.error(name, "is set both inline and as a file")),
            (None, None, Some(Requirement::DefaultSecret(value))) => return Ok(SecretString::from(value)),
            (None, None, _) => return Err(self.error(name, "is not set, nor is its _FILE")),
            (Some(inline), None, _) => inline.clone(),
            (None, Some(path), _) => {
                let text = fs::read_to_string(path).map_err(|error| {
                    self.error(&file_name, format_args!("cannot be read: {}", error.kind()))
                })?;
                warn_if_exposed(Path::new(path));
                text
            }
        };
        match text.trim() {
            "" => Err(self.error(name, "is empty")),
            // It is invisible, and no caller would have it.
            text if text.starts_with(BYTE_ORDER_MARK) => {
                Err(self.error(name, "begins with a byte order mark; save it as UTF-8 without one"))
            }
            trimmed => Ok(SecretString::from(trimmed)),
        }
    }

    /// The credential of this service at another one.
    pub fn credential(&self, name: &str) -> Result<ServiceCredential, SettingError> {
        ServiceCredential::new(&self.secret(name)?)
            .ok_or_else(|| self.error(name, ServiceCredential::EXPECTED))
    }

    /// Comma-separated secrets of callers; empty if neither the setting nor its file is set.
    pub fn optional_secrets(&self, name: &str) -> Result<Vec<SecretString>, SettingError> {
        let is_given = self.given.contains_key(name) || self.given.contains_key(&format!("{name}_file"));
        if is_given { self.secrets(name) } else { Ok(Vec::new()) }
    }

    /// Comma-separated secrets of callers, each of which could be a [`credential`](Self::credential).
    pub fn secrets(&self, name: &str) -> Result<Vec<SecretString>, SettingError> {
        let all = self.secret(name)?;
        let each = all.expose_secret().split(',').map(str::trim);
        let secrets: Vec<_> = each.filter(|one| !one.is_empty()).map(SecretString::from).collect();
        if secrets.is_empty() {
            return Err(self.error(name, "is empty"));
        }
        if secrets.iter().any(|secret| ServiceCredential::new(secret).is_none()) {
            let expected = ServiceCredential::EXPECTED;
            return Err(self.error(name, format_args!("{expected}; so must be each of several")));
        }
        Ok(secrets)
    }
}
