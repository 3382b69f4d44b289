//! Samples of every request and response, as services and pages send them today: the types read each one and write it
//! back unchanged. A renamed, missing or new member fails here, unless the samples change with it.
//!
//! Unknown members: ignored in public requests and in responses, an error in requests between services and of the desk
//! (contract, sections 2 and 11).

use std::{collections::BTreeSet, fs, path::Path};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use shared_types::{
    Code, Endpoint, ErrorBody,
    desk::{self, DeskError},
    federated_auth, orchestrator, scoped_auth,
};

/// Members with free content: the guest's form, and grants, whose types other services may add.
const FREE: [&str; 3] = ["preEngagementData", "grants", "roles"];

#[test]
fn every_endpoint_matches_its_samples() {
    let mut known = BTreeSet::from(["README.md", "refusals.json", "desk_errors.json"].map(str::to_owned));
    let mut checked = BTreeSet::new();
    macro_rules! check {
        ($($module:ident :: $message:ident),+ $(,)?) => {$(
            let (module, name) = (stringify!($module), <$module::$message as Endpoint>::NAME);
            let file = format!("{module}.{}.json", name.strip_prefix("desk_").unwrap_or(name));
            Samples::of(&file).check::<$module::$message>();
            known.insert(file);
            checked.insert(stringify!($message).to_owned());
        )+};
    }
    check!(
        orchestrator::CreateToken,
        orchestrator::RefreshToken,
        orchestrator::RevokeToken,
        orchestrator::Init,
        orchestrator::OpenConversation,
        orchestrator::ListMessages,
        orchestrator::SendMessage,
        orchestrator::PublicConfiguration,
        orchestrator::CreateAssertion,
        orchestrator::PublishKeys,
        orchestrator::Authorize,
        federated_auth::CreateToken,
        federated_auth::RefreshToken,
        federated_auth::RevokeToken,
        federated_auth::ValidateToken,
        federated_auth::PublishKeys,
        scoped_auth::Generate,
        scoped_auth::Validate,
        scoped_auth::Revoke,
        scoped_auth::RevokeSessions,
        scoped_auth::PublishKeys,
        desk::ListConversations,
        desk::FetchConversation,
        desk::UpdateConversation,
        desk::DeleteConversation,
        desk::ListDeskMessages,
        desk::CreateMessage,
        desk::FetchMessage,
        desk::DeleteMessage,
        desk::ListParticipantConversations,
    );
    let files = fs::read_dir(folder()).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    assert_eq!(files.collect::<BTreeSet<_>>(), known, "one file per endpoint");
    assert_eq!(declared_endpoints(), checked, "every endpoint has samples");
}

#[test]
fn every_error_code_has_its_response() {
    let refusals: Vec<Value> = read("refusals.json");
    for refusal in &refusals {
        round_trips::<ErrorBody>("refusals.json", refusal);
        parsed::<ErrorBody>("refusals.json", &with_unknown_member(refusal));
    }
    let codes: Vec<&str> = refusals.iter().map(|refusal| refusal["code"].as_str().unwrap()).collect();
    assert_eq!(codes, Code::ALL.map(Code::as_str));
}

#[test]
fn every_error_code_has_its_response_for_the_desk() {
    let errors: Vec<DeskError> = read("desk_errors.json");
    assert_eq!(errors, Code::ALL.map(|code| DeskError::new(code, "A sentence for people.")));
    for error in read::<Vec<Value>>("desk_errors.json") {
        round_trips::<DeskError>("desk_errors.json", &error);
        parsed::<DeskError>("desk_errors.json", &with_unknown_member(&error));
    }
}

#[derive(serde::Deserialize)]
struct Samples {
    #[serde(skip)]
    file: String,
    requests: Vec<Value>,
    /// Other spellings of requests that pages may use.
    #[serde(default)]
    also: Vec<Value>,
    answers: Vec<Value>,
}

impl Samples {
    fn of(file: &str) -> Self {
        Self { file: file.to_owned(), ..read(file) }
    }

    fn check<M: Endpoint>(&self) {
        assert!(!self.requests.is_empty() && !self.answers.is_empty(), "{}", self.file);
        let is_public = self.file.starts_with("orchestrator.") || self.file.ends_with(".publish_keys.json");
        for request in &self.requests {
            round_trips::<M::Request>(&self.file, request);
            for extended in with_unknown_members(request) {
                let read = serde_json::from_value::<M::Request>(extended.clone());
                assert_eq!(read.is_ok(), is_public, "{}: {extended}", self.file);
            }
        }
        for request in &self.also {
            parsed::<M::Request>(&self.file, request);
        }
        for answer in &self.answers {
            round_trips::<M::Response>(&self.file, answer);
            for extended in with_unknown_members(answer) {
                parsed::<M::Response>(&self.file, &extended);
            }
        }
    }
}

#[track_caller]
fn round_trips<T: Serialize + DeserializeOwned>(what: &str, sample: &Value) {
    let written = serde_json::to_value(parsed::<T>(what, sample)).unwrap();
    assert_eq!(&written, sample, "{what}");
}

#[track_caller]
fn parsed<T: DeserializeOwned>(what: &str, sample: &Value) -> T {
    serde_json::from_value(sample.clone()).unwrap_or_else(|error| panic!("{what}: {error} in\n{sample}"))
}

/// The sample with an unknown member, once for each object in it.
fn with_unknown_members(sample: &Value) -> Vec<Value> {
    let mut extended = Vec::new();
    match sample {
        Value::Object(members) => {
            // Maps from sids are not objects with members.
            if !members.keys().next().is_some_and(|name| name.starts_with("CV")) {
                extended.push(with_unknown_member(sample));
            }
            for (name, value) in members.iter().filter(|(name, _)| !FREE.contains(&name.as_str())) {
                extended.extend(with_unknown_members(value).into_iter().map(|value| {
                    let mut members = members.clone();
                    members[name] = value;
                    Value::Object(members)
                }));
            }
        }
        Value::Array(values) => {
            for (index, value) in values.iter().enumerate() {
                extended.extend(with_unknown_members(value).into_iter().map(|value| {
                    let mut values = values.clone();
                    values[index] = value;
                    Value::Array(values)
                }));
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    extended
}

fn with_unknown_member(sample: &Value) -> Value {
    let mut members = sample.as_object().unwrap().clone();
    members.insert("unknown".to_owned(), serde_json::json!({"a": [1, null]}));
    Value::Object(members)
}

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wire")
}

#[track_caller]
fn read<T: DeserializeOwned>(file: &str) -> T {
    let text = fs::read_to_string(folder().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The endpoints that the source declares.
fn declared_endpoints() -> BTreeSet<String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = BTreeSet::new();
    for participant in ["orchestrator", "federated_auth", "scoped_auth", "desk"] {
        for file in fs::read_dir(source.join(participant)).unwrap() {
            let text = fs::read_to_string(file.unwrap().path()).unwrap();
            found.extend(text.lines().filter_map(|line| {
                Some(line.strip_prefix("    pub struct ")?.split_once(": \"")?.0.to_owned())
            }));
        }
    }
    found
}
