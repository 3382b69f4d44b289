//! Neighbours of two releases understand each other, since in a rolling update they meet: what the last release sent is
//! understood today, what is sent today has all that the last release needs, and neither minds fields that it does not
//! know. A field that is new and required, one that is renamed, and one that is gone fail here.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that panics has failed, as it should"
)]

use std::{collections::BTreeSet, fs, path::Path};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use shared_types::{ErrorBody, Message, federated_auth, orchestrator, scoped_auth};

const RELEASE: &str = "0.1.0";

/// Messages that are newer: the release had none of them.
const NEWER: [&str; 0] = [];

/// Members that hold what a page sent, whatever it is: nothing is added within.
const FREE: [&str; 1] = ["preEngagementData"];

#[test]
fn every_message_of_the_last_release_is_understood_and_still_sent_so() {
    let mut known = BTreeSet::from(["refusals.json".to_owned()]);
    let mut held = BTreeSet::new();
    macro_rules! hold {
        ($($module:ident :: $message:ident),+ $(,)?) => {$(
            let file = format!("{}.{}.json", stringify!($module), <$module::$message as Message>::NAME);
            Samples::of(&file).hold::<$module::$message>();
            known.insert(file);
            held.insert(stringify!($message).to_owned());
        )+};
    }
    hold!(
        orchestrator::CreateToken,
        orchestrator::RefreshToken,
        orchestrator::RevokeToken,
        orchestrator::Init,
        orchestrator::OpenConversation,
        orchestrator::ListMessages,
        orchestrator::SendMessage,
        orchestrator::PublicConfiguration,
        federated_auth::CreateToken,
        federated_auth::RefreshToken,
        federated_auth::RevokeToken,
        federated_auth::ValidateToken,
        scoped_auth::Generate,
        scoped_auth::Validate,
        scoped_auth::Revoke,
        scoped_auth::RevokeBefore,
        scoped_auth::PublishKeys,
    );
    let files = fs::read_dir(folder()).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    assert_eq!(files.collect::<BTreeSet<_>>(), known, "a file for each message, and a message for each file");
    // Another path for the same message.
    held.insert("RefreshTokens".to_owned());
    held.extend(NEWER.map(str::to_owned));
    assert_eq!(messages_in_the_code(), held, "a message has samples, or is newer");
}

#[test]
fn every_refusal_of_the_last_release_is_understood_and_still_sent_so() {
    let refusals: Vec<Value> = read("refusals.json");
    for refusal in &refusals {
        hold::<ErrorBody>("a refusal", refusal);
    }
}

#[derive(serde::Deserialize)]
struct Samples {
    #[serde(skip)]
    file: String,
    requests: Vec<Value>,
    /// Requests as pages may write them too, beside the way in which we do.
    #[serde(default)]
    also: Vec<Value>,
    answers: Vec<Value>,
}

impl Samples {
    fn of(file: &str) -> Self {
        Self { file: file.to_owned(), ..read(file) }
    }

    fn hold<M: Message>(&self) {
        assert!(!self.requests.is_empty() && !self.answers.is_empty(), "{}", self.file);
        for request in &self.requests {
            if self.file == "scoped_auth.revoke_before.json" {
                // An operator's, not a neighbour's: a field that is misspelt must not end other sessions than meant.
                parsed::<M::Request>(&self.file, request);
                assert!(serde_json::from_value::<M::Request>(with_unknown_fields(request)).is_err());
            } else {
                hold::<M::Request>(&self.file, request);
            }
        }
        for request in &self.also {
            parsed::<M::Request>(&self.file, request);
        }
        for answer in &self.answers {
            hold::<M::Response>(&self.file, answer);
        }
    }
}

/// Today's type understands the sample, with and without fields from the future, and would send as much.
#[track_caller]
fn hold<T: Serialize + DeserializeOwned>(what: &str, sample: &Value) {
    let sent = serde_json::to_value(parsed::<T>(what, sample)).unwrap();
    assert!(has_all_of(&sent, sample), "{what}: {RELEASE} had\n{sample}\nand today there is\n{sent}");
    let understood = parsed::<T>(what, &with_unknown_fields(sample));
    let again = serde_json::to_value(understood).unwrap();
    assert!(has_all_of(&again, sample), "{what}: unknown fields change what is understood");
    // The last release, whose types are these, is sent what a later one adds.
    parsed::<T>(what, &with_unknown_fields(&sent));
}

#[track_caller]
fn parsed<T: DeserializeOwned>(what: &str, sample: &Value) -> T {
    serde_json::from_value(sample.clone()).unwrap_or_else(|error| panic!("{what}: {error} in\n{sample}"))
}

/// Everything of the sample is there, under its names.
fn has_all_of(sent: &Value, sample: &Value) -> bool {
    match (sent, sample) {
        (Value::Object(sent), Value::Object(sample)) => {
            sample.iter().all(|(name, value)| sent.get(name).is_some_and(|found| has_all_of(found, value)))
        }
        (Value::Array(sent), Value::Array(sample)) => {
            sent.len() == sample.len()
                && sent.iter().zip(sample).all(|(sent, sample)| has_all_of(sent, sample))
        }
        (sent, sample) => sent == sample,
    }
}

/// The sample as a later release may send it.
fn with_unknown_fields(sample: &Value) -> Value {
    match sample {
        Value::Object(members) => {
            let mut members = members.clone();
            // Maps from sids are no objects of fields.
            let is_map = members.keys().next().is_some_and(|name| name.starts_with("CV"));
            for (name, value) in &mut members {
                if !FREE.contains(&name.as_str()) {
                    *value = with_unknown_fields(value);
                }
            }
            if !is_map {
                members.insert("from_the_future".to_owned(), serde_json::json!({"a": [1, null]}));
            }
            Value::Object(members)
        }
        Value::Array(values) => values.iter().map(with_unknown_fields).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => sample.clone(),
    }
}

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wire").join(RELEASE)
}

#[track_caller]
fn read<T: DeserializeOwned>(file: &str) -> T {
    let text = fs::read_to_string(folder().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The types that the source says are messages.
fn messages_in_the_code() -> BTreeSet<String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = BTreeSet::new();
    for participant in ["orchestrator", "federated_auth", "scoped_auth"] {
        for file in fs::read_dir(source.join(participant)).unwrap() {
            let text = fs::read_to_string(file.unwrap().path()).unwrap();
            found.extend(text.lines().filter_map(|line| {
                Some(line.strip_prefix("impl Message for ")?.split(' ').next()?.to_owned())
            }));
        }
    }
    found
}
