//! The table of settings.

/// One row of a service's table of settings.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Name in lower case, without the service's prefix.
    pub name: &'static str,
    /// Whether it is required, and its default.
    pub default: Requirement,
    /// One line of help.
    pub help: &'static str,
}

/// Whether a setting is required, and its default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requirement {
    /// Required for startup.
    Required,
    /// Optional; without it a feature is off.
    Optional,
    /// Optional, with a default.
    Default(&'static str),
    /// A required secret, inline or as a file: `…_FILE`.
    Secret,
    /// An optional secret; without it a feature is off.
    OptionalSecret,
    /// A value with a default that may contain a secret, inline or as a file: `…_FILE`.
    DefaultSecret(&'static str),
}
