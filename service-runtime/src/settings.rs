//! Settings: environment variables under one prefix per service, read once at the start. A service lists its settings
//! with their defaults in one table; reading, `--help` and the documentation all go by that table. No error repeats a
//! value, since any value may be a secret that landed under the wrong name.

use std::{collections::HashMap, fmt, fs, net::SocketAddr, str::FromStr, time::Duration};

use secrecy::{ExposeSecret, SecretString};

/// One row of a service's table of settings.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// The name without the service's prefix, in lower case.
    pub name: &'static str,
    /// What holds where nothing is set.
    pub default: Requirement,
    /// One line for people.
    pub help: &'static str,
}

/// Whether a setting must be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requirement {
    /// Without it the service does not start.
    Required,
    /// Without it a part of the service is off.
    Optional,
    /// Without it this value holds.
    Default(&'static str),
    /// A secret, which may also be given as a file: `…_FILE`. Without either the service does not start.
    Secret,
    /// A secret without which a part of the service is off.
    OptionalSecret,
    /// A value that may be a secret, and so may also be given as a file: `…_FILE`. Without either this one holds.
    DefaultSecret(&'static str),
}

/// A setting that stops the start: one line that names it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name}: {reason}")]
pub struct SettingError {
    name: String,
    reason: String,
}

/// The settings of one service as the environment gives them.
#[derive(Clone)]
pub struct Settings {
    prefix: &'static str,
    table: &'static [Setting],
    given: HashMap<String, String>,
}

impl Settings {
    /// Takes from `variables` those that begin with `prefix`.
    pub fn read(
        prefix: &'static str,
        table: &'static [Setting],
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, SettingError> {
        let given: HashMap<String, String> = envy::prefixed(prefix)
            .from_iter(variables)
            // Every value is text here, so nothing can fail to parse and be echoed.
            .map_err(|_| SettingError {
                name: prefix.to_owned(),
                reason: "the environment cannot be read".into(),
            })?;
        Ok(Self { prefix, table, given })
    }

    /// The process's own environment; variables that are not text are passed over, they can be none of ours.
    pub fn environment() -> impl Iterator<Item = (String, String)> {
        std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
    }

    /// Names under the prefix that the service does not know: misspelt, or somebody else's. An orchestrator of
    /// containers adds such names of its own, so they do not stop the start.
    pub fn unknown(&self) -> Vec<String> {
        let known = |name: &str| {
            self.table.iter().any(|setting| {
                setting.name == name
                    || matches!(
                        setting.default,
                        Requirement::Secret | Requirement::OptionalSecret | Requirement::DefaultSecret(_)
                    ) && name.strip_suffix("_file") == Some(setting.name)
            })
        };
        let mut unknown: Vec<_> =
            self.given.keys().filter(|name| !known(name)).map(|name| self.full(name)).collect();
        unknown.sort();
        unknown
    }

    /// An error about the setting `name`.
    pub fn error(&self, name: &str, reason: impl fmt::Display) -> SettingError {
        SettingError { name: self.full(name), reason: reason.to_string() }
    }

    /// The value of a setting, or its default; none if it is optional and missing.
    pub fn text(&self, name: &str) -> Result<Option<String>, SettingError> {
        if let Some(value) = self.given.get(name).filter(|value| !value.is_empty()) {
            return Ok(Some(value.clone()));
        }
        match self.presence(name) {
            Some(Requirement::Default(value) | Requirement::DefaultSecret(value)) => {
                Ok(Some(value.to_owned()))
            }
            Some(Requirement::Optional | Requirement::OptionalSecret) => Ok(None),
            Some(Requirement::Required | Requirement::Secret) => Err(self.error(name, "is not set")),
            None => Err(self.error(name, "is not in the table of settings")),
        }
    }

    /// The value of a setting that is optional and of a form, such as `expected` says.
    pub fn optional<T: FromStr>(&self, name: &str, expected: &str) -> Result<Option<T>, SettingError> {
        self.text(name)?
            .map(|value| {
                value.trim().parse().map_err(|_| self.error(name, format_args!("expected {expected}")))
            })
            .transpose()
    }

    /// The value of a setting that has a form, such as `expected` says.
    pub fn parse<T: FromStr>(&self, name: &str, expected: &str) -> Result<T, SettingError> {
        self.optional(name, expected)?.ok_or_else(|| self.error(name, "is not set"))
    }

    /// An address to listen on.
    pub fn address(&self, name: &str) -> Result<SocketAddr, SettingError> {
        self.parse(name, "an IP address and a port, such as 127.0.0.1:8080")
    }

    /// A peer's base URL: `http` or `https`, a host, and no path, without the slash at the end.
    pub fn base_url(&self, name: &str) -> Result<Option<String>, SettingError> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        let expected = || self.error(name, "expected a URL such as http://127.0.0.1:8081, without a path");
        let url = url::Url::parse(text.trim()).map_err(|_| expected())?;
        let plain = matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty();
        if plain { Ok(Some(url.as_str().trim_end_matches('/').to_owned())) } else { Err(expected()) }
    }

    /// A length of time in milliseconds, from 1 to `most`.
    pub fn milliseconds(&self, name: &str, most: u64) -> Result<Duration, SettingError> {
        self.number(name, 1, most).map(Duration::from_millis)
    }

    /// A whole number from `least` to `most`.
    pub fn number(&self, name: &str, least: u64, most: u64) -> Result<u64, SettingError> {
        let expected = format!("a whole number from {least} to {most}");
        let number = self.parse(name, &expected)?;
        if (least..=most).contains(&number) {
            Ok(number)
        } else {
            Err(self.error(name, format!("expected {expected}")))
        }
    }

    /// A share, from 0 to 1.
    pub fn share(&self, name: &str) -> Result<f64, SettingError> {
        let share = self.parse(name, "a number from 0 to 1")?;
        if (0.0..=1.0).contains(&share) {
            Ok(share)
        } else {
            Err(self.error(name, "expected a number from 0 to 1"))
        }
    }

    /// A secret, given inline or as a file (`…_FILE`); white space around it does not count.
    pub fn secret(&self, name: &str) -> Result<SecretString, SettingError> {
        let file_name = format!("{name}_file");
        let presence = self.presence(name);
        // As with other settings that have a default, an empty value is none.
        let has_default = matches!(presence, Some(Requirement::DefaultSecret(_)));
        let given = |name: &str| self.given.get(name).filter(|value| !(has_default && value.is_empty()));
        let (named, text) = match (given(name), given(&file_name), presence) {
            (Some(_), Some(_), _) => return Err(self.error(name, "is given both inline and as a file")),
            (None, None, Some(Requirement::DefaultSecret(value))) => return Ok(SecretString::from(value)),
            (None, None, _) => return Err(self.error(name, "is not set, nor is its _FILE")),
            (Some(inline), None, _) => (name, inline.clone()),
            (None, Some(path), _) => {
                let text = fs::read_to_string(path).map_err(|error| {
                    self.error(&file_name, format_args!("cannot be read: {}", error.kind()))
                })?;
                (file_name.as_str(), text)
            }
        };
        match text.trim() {
            "" => Err(self.error(named, "is empty")),
            trimmed => Ok(SecretString::from(trimmed)),
        }
    }

    /// Several secrets, or none where neither the setting nor its file is given.
    pub fn optional_secrets(&self, name: &str) -> Result<Vec<SecretString>, SettingError> {
        let is_given = self.given.contains_key(name) || self.given.contains_key(&format!("{name}_file"));
        if is_given { self.secrets(name) } else { Ok(Vec::new()) }
    }

    /// Several secrets, comma separated: the accepting side of a service credential.
    pub fn secrets(&self, name: &str) -> Result<Vec<SecretString>, SettingError> {
        let all = self.secret(name)?;
        let each = all.expose_secret().split(',').map(str::trim);
        let secrets: Vec<_> = each.filter(|one| !one.is_empty()).map(SecretString::from).collect();
        if secrets.is_empty() { Err(self.error(name, "is empty")) } else { Ok(secrets) }
    }

    fn presence(&self, name: &str) -> Option<Requirement> {
        self.table.iter().find(|setting| setting.name == name).map(|setting| setting.default)
    }

    /// The name of the environment variable.
    pub fn full(&self, name: &str) -> String {
        format!("{}{}", self.prefix, name.to_uppercase())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &[Setting] = &[
        Setting { name: "listen", default: Requirement::Default("127.0.0.1:1"), help: "" },
        Setting { name: "peer_url", default: Requirement::Required, help: "" },
        Setting { name: "other_url", default: Requirement::Optional, help: "" },
        Setting { name: "secret", default: Requirement::Secret, help: "" },
        Setting { name: "timeout_ms", default: Requirement::Default("5"), help: "" },
        Setting { name: "database_url", default: Requirement::DefaultSecret("sqlite:db"), help: "" },
    ];

    fn settings(variables: &[(&str, &str)]) -> Settings {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Settings::read("X_", TABLE, variables).unwrap()
    }

    #[test]
    fn defaults_hold_where_nothing_is_set() {
        let settings = settings(&[("X_LISTEN", "")]);
        assert_eq!(settings.address("listen").unwrap(), "127.0.0.1:1".parse().unwrap());
        assert_eq!(settings.text("other_url").unwrap(), None);
    }

    #[test]
    fn every_error_names_the_variable_and_repeats_no_value() {
        let settings = settings(&[
            ("X_LISTEN", "hunter2"),
            ("X_SECRET_FILE", "/nonexistent/hunter2"),
            ("X_OTHER_URL", "ftp://hunter2"),
            ("X_TIMEOUT_MS", "0"),
        ]);
        let errors = [
            settings.address("listen").unwrap_err(),
            settings.secret("secret").unwrap_err(),
            settings.base_url("other_url").unwrap_err(),
            settings.base_url("peer_url").unwrap_err(),
            settings.milliseconds("timeout_ms", 10).unwrap_err(),
        ]
        .map(|error| error.to_string());
        assert_eq!(
            errors,
            [
                "X_LISTEN: expected an IP address and a port, such as 127.0.0.1:8080",
                "X_SECRET_FILE: cannot be read: entity not found",
                "X_OTHER_URL: expected a URL such as http://127.0.0.1:8081, without a path",
                "X_PEER_URL: is not set",
                "X_TIMEOUT_MS: expected a whole number from 1 to 10",
            ]
        );
    }

    #[test]
    fn a_secret_comes_inline_or_from_a_file() {
        let file = std::env::temp_dir().join(format!("secret-{}", std::process::id()));
        fs::write(&file, "from-file\n").unwrap();
        let from_file = settings(&[("X_SECRET_FILE", file.to_str().unwrap())]);
        assert_eq!(from_file.secret("secret").unwrap().expose_secret(), "from-file");
        fs::remove_file(&file).unwrap();
        let both = settings(&[("X_SECRET", "a"), ("X_SECRET_FILE", "b")]);
        assert!(both.secret("secret").unwrap_err().to_string().contains("both"));
        let database = |variables: &[_]| settings(variables).secret("database_url").unwrap();
        assert_eq!(database(&[]).expose_secret(), "sqlite:db");
        assert_eq!(database(&[("X_DATABASE_URL", "")]).expose_secret(), "sqlite:db");
        assert_eq!(database(&[("X_DATABASE_URL", "postgres:x")]).expose_secret(), "postgres:x");
        let several = settings(&[("X_SECRET", "a, b,")]).secrets("secret").unwrap();
        assert_eq!(several.iter().map(ExposeSecret::expose_secret).collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn names_that_nobody_knows_are_told() {
        let settings = settings(&[
            ("X_LISTN", "1"),
            ("X_SECRET_FILE", "f"),
            ("X_DATABASE_URL_FILE", "f"),
            ("X_LISTEN_FILE", "f"),
            ("Y_A", "1"),
        ]);
        assert_eq!(settings.unknown(), ["X_LISTEN_FILE", "X_LISTN"]);
    }
}
