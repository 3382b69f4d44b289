//! The committed test vectors: valid tokens open to their claims, invalid ones all fail alike.

use ring::rand::SystemRandom;
use serde::Deserialize;
use serde_json::Value;
use shared_types::SealedToken;
use token::{jose::Unauthentic, key_file::KeyFile, key_ring::KeyRing};

#[derive(Deserialize)]
struct Vectors {
    tokens: Vec<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    name: String,
    token: String,
    #[serde(default)]
    claims: Value,
}

fn ring() -> KeyRing {
    let file = KeyFile::parse(include_bytes!("../vectors/keys.json")).expect("keys");
    KeyRing::new(file, &SystemRandom::new()).expect("a key ring")
}

#[test]
fn valid_vectors_open_to_their_claims() {
    let good: Vectors = serde_json::from_str(include_str!("../vectors/good.json")).unwrap();
    assert!(good.tokens.len() >= 10);
    let ring = ring();
    for Vector { name, token, claims } in good.tokens {
        let opened = ring.open(&SealedToken::new(token).unwrap());
        assert_eq!(opened.map(|opened| serde_json::to_value(opened).unwrap()), Ok(claims), "{name}");
    }
}

#[test]
fn invalid_vectors_all_fail_with_the_same_error() {
    let bad: Vectors = serde_json::from_str(include_str!("../vectors/bad.json")).unwrap();
    assert!(bad.tokens.len() >= 180);
    let ring = ring();
    for Vector { name, token, .. } in bad.tokens {
        match SealedToken::new(token) {
            Some(token) => assert_eq!(ring.open(&token), Err(Unauthentic), "{name}"),
            None => assert_eq!(name, "over-long"),
        }
    }
}
