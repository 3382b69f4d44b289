//! Settings: environment variables with a prefix per service, read once at startup. One table per service lists the
//! settings with their defaults; parsing, `--help` and the documentation use it. Errors never repeat a value, since it
//! may be a secret under the wrong name.

mod parse;
mod secrets;
mod table;

use std::{collections::HashMap, fmt};

pub use table::{Requirement, Setting};

/// An invalid setting: one line that starts with its name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name}: {reason}")]
pub struct SettingError {
    name: String,
    reason: String,
}

/// The settings of one service.
#[derive(Clone)]
pub struct Settings {
    prefix: &'static str,
    table: &'static [Setting],
    given: HashMap<String, String>,
}

impl Settings {
    /// Reads the variables that start with `prefix`.
    pub fn read(
        prefix: &'static str,
        table: &'static [Setting],
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, SettingError> {
        let given: HashMap<String, String> = envy::prefixed(prefix)
            .from_iter(variables)
            // All values are text, so nothing can fail to parse and be echoed.
            .map_err(|_| SettingError {
                name: prefix.to_owned(),
                reason: "the environment cannot be read".into(),
            })?;
        Ok(Self { prefix, table, given })
    }

    /// The process environment, without variables that are not Unicode: no setting is.
    pub fn environment() -> impl Iterator<Item = (String, String)> {
        std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
    }

    /// Unknown names under the prefix, such as misspelt ones. They do not prevent startup, because Kubernetes adds
    /// names of its own.
    pub fn unknown(&self) -> Vec<String> {
        let known = |name: &str| {
            self.requirement(name).is_some()
                || name.strip_suffix("_file").is_some_and(|name| self.is_secret(name))
        };
        let mut unknown: Vec<_> =
            self.given.keys().filter(|name| !known(name)).map(|name| self.full(name)).collect();
        unknown.sort();
        unknown
    }

    /// An error about the setting `name`; names its `…_FILE` if the value is from there.
    pub fn error(&self, name: &str, reason: impl fmt::Display) -> SettingError {
        let file_name = format!("{name}_file");
        let is_from_file = self.is_secret(name) && !self.is_set(name) && self.is_set(&file_name);
        let named = if is_from_file { &file_name } else { name };
        SettingError { name: self.full(named), reason: reason.to_string() }
    }

    /// Whether the environment has the setting: for commands that do without one that the service requires.
    pub fn is_set(&self, name: &str) -> bool {
        self.given.get(name).is_some_and(|value| !value.is_empty())
    }

    /// The value of a setting, or its default; `None` if it is optional and not set.
    pub fn text(&self, name: &str) -> Result<Option<String>, SettingError> {
        if let Some(value) = self.given.get(name).filter(|value| !value.is_empty()) {
            return Ok(Some(value.clone()));
        }
        match self.requirement(name) {
            Some(Requirement::Default(value) | Requirement::DefaultSecret(value)) => {
                Ok(Some(value.to_owned()))
            }
            Some(Requirement::Optional | Requirement::OptionalSecret) => Ok(None),
            Some(Requirement::Required | Requirement::Secret) => Err(self.error(name, "is not set")),
            None => Err(self.error(name, "is not in the table of settings")),
        }
    }

    fn requirement(&self, name: &str) -> Option<Requirement> {
        self.table.iter().find(|setting| setting.name == name).map(|setting| setting.default)
    }

    fn is_secret(&self, name: &str) -> bool {
        matches!(
            self.requirement(name),
            Some(Requirement::Secret | Requirement::OptionalSecret | Requirement::DefaultSecret(_))
        )
    }

    /// The name of the environment variable.
    pub fn full(&self, name: &str) -> String {
        format!("{}{}", self.prefix, name.to_uppercase())
    }
}

#[cfg(test)]
mod tests;
