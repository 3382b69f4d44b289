//! What a struct's JSON schema says about its settings.

use schemars::{JsonSchema, SchemaGenerator};
use serde_json::Value;

/// The schema's `format` of a secret, which may be given as a file: `…_FILE`.
pub const PASSWORD: &str = "password";

/// One setting: a field of a struct, or of a group within it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Name in lower case, without the service's prefix.
    pub name: String,
    /// Its help, on one line.
    pub help: String,
    /// The form of its value.
    pub expected: String,
    /// Its default, as it would be set.
    pub default: Option<String>,
    /// Whether the service does not start without it.
    pub is_required: bool,
    /// Whether it is a secret, inline or as a file: `…_FILE`.
    pub is_secret: bool,
}

impl Setting {
    /// The settings of a struct, in the order of its fields.
    pub fn list<T: JsonSchema>() -> Vec<Self> {
        let schema = SchemaGenerator::default().into_root_schema_for::<T>();
        let required = schema.get("required").and_then(Value::as_array);
        let is_required =
            |name: &str| required.is_some_and(|required| required.iter().any(|one| one == name));
        let properties = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
        properties.map(|(name, property)| Self::of(name, property, is_required(name))).collect()
    }

    /// The name of the environment variable.
    pub fn variable(prefix: &str, name: &str) -> String {
        format!("{prefix}{}", name.to_uppercase())
    }

    fn of(name: &str, property: &Value, is_required: bool) -> Self {
        let text = |key: &str| property.get(key).and_then(Value::as_str);
        let help = text("description").unwrap_or_default().trim_end_matches('.');
        Self {
            name: name.to_owned(),
            help: help.split_whitespace().collect::<Vec<_>>().join(" "),
            expected: text("expected").unwrap_or("a text").to_owned(),
            default: text("default").map(str::to_owned),
            is_required,
            is_secret: text("format") == Some(PASSWORD),
        }
    }
}
