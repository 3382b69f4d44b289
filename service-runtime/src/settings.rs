//! Settings: environment variables with a prefix per service, read once at startup. A setting is one field of a struct: its
//! name, its type, its default, and its help, which is the field's doc comment. `envy` fills the struct; `--help` and
//! docs/configuration.md are generated from its JSON schema. Types validate values. Errors name the variable and never its
//! value, which may be a secret under the wrong name.

mod addresses;
mod documentation;
mod environment;
mod group;
mod numbers;
mod secret_values;
mod secrets;
mod setting;
mod values;

use std::borrow::Cow;

pub use addresses::{Address, BaseUrl, UrlIdentifier};
pub use documentation::{help, markdown};
pub use environment::Environment;
pub use group::group;
pub use numbers::{Days, Milliseconds, Number, Period, Seconds, Share};
pub use secrets::SecretList;
pub use setting::{PASSWORD, Setting};
pub use values::{FilePath, Flag};

/// An invalid setting: one line that starts with its name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name}: {reason}")]
pub struct SettingError {
    name: String,
    reason: String,
}

/// A value of the wrong form: the form that is expected, without the value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {0}")]
pub struct Expected(pub Cow<'static, str>);

impl From<&'static str> for Expected {
    fn from(form: &'static str) -> Self {
        Self(form.into())
    }
}

#[cfg(test)]
mod tests;
