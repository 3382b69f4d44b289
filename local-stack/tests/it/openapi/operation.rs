//! An operation of the OpenAPI document, from an endpoint's declaration.

use std::collections::BTreeMap;

use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};
use shared_types::{Code, Endpoint, ErrorBody, Method, desk, endpoint::COMMON_ERRORS};

use super::text::{for_forms, plain_text};

/// What the operations of a listener have in common.
pub(crate) struct Listener {
    pub(crate) tag: &'static str,
    /// The base URLs of the listeners of `cargo run` that serve its operations.
    pub(crate) servers: &'static [&'static str],
    /// The security schemes of its operations; `[]` for none.
    pub(crate) security: Value,
    pub(crate) accepts_forms: bool,
    /// Errors in Twilio's form.
    pub(crate) is_desk: bool,
}

/// All methods that an operation can have, for endpoints of any method.
const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// The document while it is built.
pub(crate) struct Document {
    pub(crate) paths: Map<String, Value>,
    pub(crate) responses: BTreeMap<String, Value>,
    requests: SchemaGenerator,
    answers: SchemaGenerator,
}

impl Default for Document {
    fn default() -> Self {
        let settings = SchemaSettings::draft2020_12().with(|settings| {
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
        });
        let answers = settings.clone().for_serialize().into_generator();
        let requests = settings.for_deserialize().into_generator();
        Self { paths: Map::new(), responses: BTreeMap::new(), requests, answers }
    }
}

impl Document {
    /// Adds the operations of an endpoint: one for each path and method. `parameters` are its headers.
    pub(crate) fn add<E>(&mut self, listener: &Listener, parameters: &[Value]) -> &mut Self
    where
        E: Endpoint<Path: JsonSchema, Request: JsonSchema, Response: JsonSchema>,
    {
        let path_fields = self.fields::<E::Path>();
        let request = self.fields::<E::Request>();
        let responses = self.all_responses::<E>(listener);
        let body = (E::METHOD == Method::Post).then(|| body(listener, &request));
        let query = if E::METHOD == Method::Post { Vec::new() } else { query(&request) };
        for (index, path) in std::iter::once(&E::PATH).chain(E::OTHER_PATHS).enumerate() {
            let path = path.replace("{*", "{");
            let mut all = path_parameters(&path, &path_fields);
            all.extend(query.iter().chain(parameters).cloned());
            let methods: &[&str] = match E::METHOD {
                Method::Get => &["get"],
                Method::Post => &["post"],
                Method::Delete => &["delete"],
                Method::Any => &METHODS,
            };
            for method in methods {
                let mut id = E::NAME.to_owned();
                if E::METHOD == Method::Any {
                    id = format!("{id}_{method}");
                }
                if index > 0 {
                    id = format!("{id}_{}", index + 1);
                }
                let mut operation = json!({
                    "operationId": id,
                    "tags": [listener.tag],
                    "summary": plain_text(E::DOCUMENTATION).replace('\n', " "),
                    "security": listener.security,
                });
                if !all.is_empty() {
                    operation["parameters"] = json!(all);
                }
                if let Some(body) = &body {
                    operation["requestBody"] = body.clone();
                }
                operation["responses"] = json!(responses);
                self.insert(listener, &path, method, operation);
            }
        }
        self
    }

    /// Adds an operation.
    pub(crate) fn insert(&mut self, listener: &Listener, path: &str, method: &str, operation: Value) {
        let item = self.paths.entry(path).or_insert_with(|| json!({ "servers": listener.servers.iter().map(|url| json!({ "url": url })).collect::<Vec<_>>() }));
        assert!(item.get(method).is_none(), "{method} {path} is added twice");
        item[method] = operation;
    }

    /// The schemas that operations refer to.
    pub(crate) fn schemas(&mut self) -> Map<String, Value> {
        for schema in
            [self.answers.subschema_for::<ErrorBody>(), self.answers.subschema_for::<desk::DeskError>()]
        {
            assert!(schema.get("$ref").is_some());
        }
        let mut all = self.requests.take_definitions(true);
        for (name, schema) in self.answers.take_definitions(true) {
            let known = all.entry(name.clone()).or_insert_with(|| schema.clone());
            assert_eq!(*known, schema, "{name} differs in requests and responses");
        }
        all.sort_keys();
        all
    }

    /// The schema of a type's fields, without its name.
    fn fields<T: JsonSchema>(&mut self) -> Value {
        T::json_schema(&mut self.requests).to_value()
    }

    fn all_responses<E>(&mut self, listener: &Listener) -> Map<String, Value>
    where
        E: Endpoint<Response: JsonSchema>,
    {
        let mut success = json!({ "description": "Success." });
        if E::STATUS != 204 {
            let schema = E::Response::json_schema(&mut self.answers).to_value();
            success["content"] = json!({ "application/json": { "schema": schema } });
        }
        let mut all = Map::from_iter([(E::STATUS.to_string(), success)]);
        let mut codes = BTreeMap::<u16, Vec<Code>>::new();
        for code in COMMON_ERRORS.iter().chain(E::ERRORS) {
            let same = codes.entry(code.status()).or_default();
            // Without a body there is nothing to reject.
            let of_body = matches!(code, Code::PayloadTooLarge | Code::UnsupportedMediaType);
            if !same.contains(code) && (E::METHOD == Method::Post || !of_body) {
                same.push(*code);
            }
        }
        for (status, codes) in codes.into_iter().filter(|(_, codes)| !codes.is_empty()) {
            all.insert(status.to_string(), self.error(listener, status, &codes));
        }
        all
    }

    /// A reference to the response of these codes.
    fn error(&mut self, listener: &Listener, status: u16, codes: &[Code]) -> Value {
        let names = codes.iter().map(|code| format!("`{}`", code.as_str())).collect::<Vec<_>>().join(", ");
        let schema = if listener.is_desk {
            let mut numbers: Vec<_> = codes.iter().map(|code| desk::number(*code)).collect();
            numbers.dedup();
            json!({
                "$ref": "#/components/schemas/DeskError",
                "properties": { "code": { "enum": numbers }, "status": { "const": status } },
            })
        } else {
            let codes: Vec<_> = codes.iter().map(|code| code.as_str()).collect();
            json!({ "$ref": "#/components/schemas/ErrorBody", "properties": { "code": { "enum": codes } } })
        };
        let mut headers = Map::new();
        for (name, is_sent) in [
            ("WWW-Authenticate", status == 401),
            ("DPoP-Nonce", codes.contains(&Code::UseDpopNonce)),
            ("Retry-After", matches!(status, 429 | 503)),
        ] {
            if is_sent {
                headers.insert(name.to_owned(), json!({ "$ref": format!("#/components/headers/{name}") }));
            }
        }
        let mut response = json!({ "description": names });
        if !headers.is_empty() {
            response["headers"] = headers.into();
        }
        response["content"] = json!({ "application/json": { "schema": schema } });
        let prefix = if listener.is_desk { "Desk" } else { "" };
        let name = (1..).map(|n| match n {
            1 => format!("{prefix}Error{status}"),
            _ => format!("{prefix}Error{status}.{n}"),
        });
        for name in name {
            let known = self.responses.entry(name.clone()).or_insert_with(|| response.clone());
            if *known == response {
                return json!({ "$ref": format!("#/components/responses/{name}") });
            }
        }
        unreachable!("names do not end")
    }
}

/// The request body: JSON, and where it is accepted a form.
fn body(listener: &Listener, fields: &Value) -> Value {
    let is_required = fields.get("required").is_some();
    let mut content = Map::from_iter([("application/json".to_owned(), json!({ "schema": fields }))]);
    if listener.accepts_forms {
        let form = json!({ "schema": for_forms(fields) });
        content.insert("application/x-www-form-urlencoded".to_owned(), form);
    }
    json!({ "required": is_required, "content": content })
}

/// The fields of a request as parameters of its query.
fn query(fields: &Value) -> Vec<Value> {
    let (fields, none) = (for_forms(fields), Vec::new());
    let required = fields.get("required").and_then(Value::as_array).unwrap_or(&none);
    let properties = fields.get("properties").and_then(Value::as_object).into_iter().flatten();
    properties
        .map(|(name, schema)| {
            let is_required = required.iter().any(|one| one == name);
            json!({ "name": name, "in": "query", "required": is_required, "schema": schema })
        })
        .collect()
}

/// The parameters of a path; a rest of the path is any text.
fn path_parameters(path: &str, fields: &Value) -> Vec<Value> {
    let names = path.split('{').skip(1).filter_map(|part| Some(part.split_once('}')?.0));
    names
        .map(|name| {
            let schema = for_forms(fields)["properties"].get(name).cloned();
            let schema = schema.unwrap_or(json!({ "type": "string", "minLength": 1 }));
            json!({ "name": name, "in": "path", "required": true, "schema": schema })
        })
        .collect()
}
