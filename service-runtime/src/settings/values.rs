//! Values of other types.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Expected;

/// A choice: true or false.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(inline, extend("expected" = Self::EXPECTED))]
pub struct Flag(pub bool);

impl Flag {
    const EXPECTED: &str = "true or false";
}

impl TryFrom<String> for Flag {
    type Error = Expected;

    fn try_from(text: String) -> Result<Self, Expected> {
        text.parse().map(Self).map_err(|_| Self::EXPECTED.into())
    }
}

impl From<Flag> for String {
    fn from(flag: Flag) -> Self {
        flag.0.to_string()
    }
}

/// The path of a file.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline, extend("expected" = "a path"))]
pub struct FilePath(pub PathBuf);
