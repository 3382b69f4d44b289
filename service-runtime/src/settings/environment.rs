//! The variables of a service, from which its structs of settings are filled.

use std::{collections::BTreeMap, fmt};

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use super::{Setting, SettingError, group::Located};

/// The environment variables under the prefix of one service.
#[derive(Clone)]
pub struct Environment {
    prefix: &'static str,
    settings: Vec<Setting>,
    given: BTreeMap<String, String>,
}

impl Environment {
    /// Reads the variables that start with `prefix`. `settings` are those of the service.
    pub fn read(
        prefix: &'static str,
        settings: Vec<Setting>,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, SettingError> {
        let given = envy::prefixed(prefix)
            .from_iter(variables)
            // All values are text, so nothing can fail to parse and be echoed.
            .map_err(|_| SettingError {
                name: prefix.to_owned(),
                reason: "the environment cannot be read".into(),
            })?;
        Ok(Self { prefix, settings, given })
    }

    /// The variables of this process, without those that are not Unicode: no setting is.
    pub fn of_process() -> impl Iterator<Item = (String, String)> {
        std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
    }

    /// Fills the struct `T`. Only its settings are validated, and only its secrets are read from their files.
    pub fn fill<T: DeserializeOwned + JsonSchema>(&self) -> Result<T, SettingError> {
        let mut values = Vec::new();
        for setting in Setting::list::<T>() {
            let value = if setting.is_secret { self.secret(&setting)? } else { self.plain(&setting.name) };
            values.extend(value.map(|value| (setting.name, value)));
        }
        envy::from_iter::<_, Located<T>>(values).map(|Located(filled)| filled).map_err(|error| match error {
            envy::Error::MissingValue(name) if self.is_secret(name) => {
                self.error(name, "is not set, nor is its _FILE")
            }
            envy::Error::MissingValue(name) => self.error(name, "is not set"),
            envy::Error::Custom(located) => match located.split_once(": ") {
                Some((name, reason)) => self.error(name, reason),
                None => SettingError { name: self.prefix.to_owned(), reason: located },
            },
        })
    }

    /// Unknown names under the prefix, such as misspelt ones. They do not prevent startup, because Kubernetes adds
    /// names of its own.
    pub fn unknown(&self) -> Vec<String> {
        let is_known = |name: &str| {
            self.setting(name).is_some()
                || name.strip_suffix("_file").is_some_and(|secret| self.is_secret(secret))
        };
        self.given.keys().filter(|name| !is_known(name)).map(|name| self.variable(name)).collect()
    }

    /// An error about the setting `name`; names its `…_FILE` if the value is from there.
    pub fn error(&self, name: &str, reason: impl fmt::Display) -> SettingError {
        let file_name = format!("{name}_file");
        let is_set = |name: &str| self.given(name).is_some_and(|value| !value.is_empty());
        let is_from_file = self.is_secret(name) && !is_set(name) && is_set(&file_name);
        let named = if is_from_file { &file_name } else { name };
        SettingError { name: self.variable(named), reason: reason.to_string() }
    }

    /// The name of the environment variable.
    pub fn variable(&self, name: &str) -> String {
        Setting::variable(self.prefix, name)
    }

    /// The text of the variable, even if it is empty.
    pub(super) fn given(&self, name: &str) -> Option<&str> {
        self.given.get(name).map(String::as_str)
    }

    /// An empty value counts as not set.
    fn plain(&self, name: &str) -> Option<String> {
        self.given(name).map(str::trim).filter(|value| !value.is_empty()).map(str::to_owned)
    }

    fn setting(&self, name: &str) -> Option<&Setting> {
        self.settings.iter().find(|setting| setting.name == name)
    }

    fn is_secret(&self, name: &str) -> bool {
        self.setting(name).is_some_and(|setting| setting.is_secret)
    }
}
