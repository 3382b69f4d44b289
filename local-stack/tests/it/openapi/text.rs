//! Schemas of fields as texts, and descriptions without rustdoc's links.

use serde_json::{Value, json};

/// The schema of a request's fields in a form, a query or a path: a field that is not given is absent, never `null`, and any
/// JSON value is a text.
pub(crate) fn for_forms(fields: &Value) -> Value {
    let mut fields = fields.clone();
    let properties = fields.get_mut("properties").and_then(Value::as_object_mut).into_iter().flatten();
    for (_, schema) in properties {
        if let Some(alternatives) = schema.get("anyOf").and_then(Value::as_array) {
            let mut plain =
                alternatives.iter().find(|one| one["type"] != "null").cloned().unwrap_or_default();
            if let Some(description) = schema.get("description") {
                plain["description"] = description.clone();
            }
            *schema = plain;
        }
        if let Some(types) = schema.get("type").and_then(Value::as_array) {
            schema["type"] = types.iter().find(|one| *one != "null").cloned().unwrap_or_default();
        }
        if let Some(values) = schema.get_mut("enum").and_then(Value::as_array_mut) {
            values.retain(|value| !value.is_null());
        }
        if schema
            .as_object()
            .is_some_and(|schema| schema.keys().all(|name| matches!(&**name, "description" | "default")))
        {
            schema["type"] = json!("string");
        }
        if let Some(schema) = schema.as_object_mut() {
            schema.shift_remove("default");
        }
    }
    fields
}

/// The text without links: `[`name`](path)` and `[`name`]` are `name`.
pub(crate) fn plain_text(text: &str) -> String {
    let mut parts = text.split("[`");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = part.split_once("`]").unwrap_or((part, ""));
        let rest = rest.strip_prefix('(').and_then(|rest| Some(rest.split_once(')')?.1)).unwrap_or(rest);
        plain += &format!("`{name}`{rest}");
    }
    plain
}

/// Makes every schema readable: descriptions without links, and numbers with the bounds of their type.
pub(crate) fn tidy(value: &mut Value) {
    match value {
        Value::Object(members) => {
            let maximum = match members.get("format").and_then(Value::as_str) {
                Some("uint16") => Some(u64::from(u16::MAX)),
                Some("uint32") => Some(u64::from(u32::MAX)),
                Some("uint64") => Some(u64::MAX),
                _ => None,
            };
            if let Some(maximum) = maximum {
                members.shift_remove("format");
                members.entry("maximum").or_insert(json!(maximum));
            }
            if let Some(Value::String(text)) = members.get_mut("description") {
                *text = plain_text(text).replace('\n', " ");
            }
            members.values_mut().for_each(tidy);
        }
        Value::Array(items) => items.iter_mut().for_each(tidy),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
