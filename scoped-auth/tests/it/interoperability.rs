//! "Any JOSE library opens it with the key" (contract, section 7), shown with joserfc in Python, in both directions,
//! with the keys of a generated file.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use ring::rand::SystemRandom;
use serde::Deserialize;
use serde_json::{Value, json};
use shared_types::SealedToken;
use token::{claims::Claims, jose::TokenFormat, key_file::KeyFile, key_ring::KeyRing};

/// A key ring of a generated file, and the file's path for the other library.
struct Keys {
    set: Value,
    ring: KeyRing,
}

impl Keys {
    fn generate() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("keys.json");
        let now = "2026-11-20T12:00:00Z".parse().expect("a time");
        KeyFile::create(&path, &SystemRandom::new(), now).expect("a key file");
        let ring =
            KeyRing::new(KeyFile::load(&path).expect("keys"), &SystemRandom::new()).expect("a key ring");
        let set = serde_json::from_slice(&fs::read(&path).expect("the file")).expect("JSON");
        Self { set, ring }
    }

    fn seal(&self, claims: &Value, form: TokenFormat) -> SealedToken {
        let claims: Claims = serde_json::from_value(claims.clone()).expect("claims");
        self.ring.seal(&claims, form, &SystemRandom::new()).expect("a token")
    }

    fn open(&self, token: &Value) -> Value {
        let token: SealedToken = serde_json::from_value(token.clone()).expect("a token");
        serde_json::to_value(self.ring.open(&token).expect("the token opens")).expect("JSON")
    }

    /// The id of the key with `usage` in the file.
    fn kid(&self, usage: &str) -> &str {
        let keys = self.set.get("keys").and_then(Value::as_array).expect("keys");
        let key = keys.iter().find(|key| key.get("use").is_some_and(|other| other == usage));
        key.and_then(|key| key.get("kid")?.as_str()).expect("a name")
    }
}

/// The claims of the committed tokens: with and without fingerprint, deployment and unknown grants.
fn claims() -> Vec<Value> {
    #[derive(Deserialize)]
    struct Good {
        tokens: Vec<Token>,
    }
    #[derive(Deserialize)]
    struct Token {
        claims: Value,
    }
    let good: Good = serde_json::from_str(include_str!("../vectors/good.json")).expect("JSON");
    good.tokens.into_iter().map(|token| token.claims).collect()
}

/// The output of the other library.
#[expect(clippy::disallowed_methods, reason = "a test reads no settings through config.rs")]
fn other_library(operation: &str, given: &Value) -> Value {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let python =
        std::env::var("WEBCHAT_TEST_PYTHON").map_or_else(|_| root.join(".venv/bin/python"), PathBuf::from);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/interoperability.py");
    let mut child = Command::new(&python)
        .args(["-B", "-W", "ignore"])
        .arg(script)
        .arg(operation)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| {
            panic!("no Python with scoped-auth/tests/requirements.txt at {python:?} ({error}); `./test` installs it")
        });
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(given.to_string().as_bytes()).expect("it reads");
    drop(stdin);
    let output = child.wait_with_output().expect("it ends");
    assert!(
        output.status.success(),
        "{operation} failed there; if a module is missing, `./test` installs it"
    );
    serde_json::from_slice(&output.stdout).expect("JSON")
}

#[test]
fn our_encrypted_tokens_open_in_the_other_library() {
    let keys = Keys::generate();
    for claims in claims() {
        let token = keys.seal(&claims, TokenFormat::Encrypted);
        let opened = other_library("open_encrypted", &json!({"key_set": keys.set, "token": token}));
        assert_eq!(opened["claims"], claims);
        let mut header = opened["header"].clone();
        let kid = header["kid"].take();
        assert_eq!(
            header.to_string(),
            r#"{"alg":"dir","enc":"A256GCM","typ":"JWT","cty":"twilio-fpa;v=1","kid":null}"#
        );
        let jwk = keys.ring.subkey_jwk(kid.as_str().expect("a name")).expect("a subkey");
        let jwk: Value = serde_json::from_str(&jwk).expect("JSON");
        assert_eq!(jwk, json!({"kty": "oct", "use": "enc", "alg": "dir", "kid": kid, "k": opened["key"]}));
    }
}

#[test]
fn encrypted_tokens_of_the_other_library_open_here() {
    let keys = Keys::generate();
    for claims in claims() {
        let salt = "c2FsdCBvZiBhbm90aGVyLg";
        let kid = match claims["grants"]["webchat"]["deployment_key"].as_str() {
            Some(deployment) => format!("{}.{salt}.{deployment}", keys.kid("enc")),
            None => format!("{}.{salt}", keys.kid("enc")),
        };
        let header =
            json!({"alg": "dir", "enc": "A256GCM", "typ": "JWT", "cty": "twilio-fpa;v=1", "kid": kid});
        let given = json!({"key_set": keys.set, "header": header, "claims": claims});
        assert_eq!(keys.open(&other_library("make_encrypted", &given)["token"]), claims);
    }
}

#[test]
fn our_signed_tokens_verify_in_the_other_library() {
    let keys = Keys::generate();
    for claims in claims() {
        let token = keys.seal(&claims, TokenFormat::Signed);
        let opened =
            other_library("open_signed", &json!({"key_set": keys.ring.public_keys(), "token": token}));
        assert_eq!(opened["claims"], claims);
        let header = json!({"alg": "ES256", "typ": "JWT", "cty": "twilio-fpa;v=1", "kid": keys.kid("sig")});
        assert_eq!(opened["header"].to_string(), header.to_string());
    }
}

#[test]
fn signed_tokens_of_the_other_library_open_here() {
    let keys = Keys::generate();
    for claims in claims() {
        let header = json!({"alg": "ES256", "typ": "JWT", "cty": "twilio-fpa;v=1", "kid": keys.kid("sig")});
        let given = json!({"key_set": keys.set, "header": header, "claims": claims});
        assert_eq!(keys.open(&other_library("make_signed", &given)["token"]), claims);
    }
}
