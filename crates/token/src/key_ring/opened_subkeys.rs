//! The cache of subkeys that opened a token, and every token that must not open, with and without a cached subkey.

use serde::Deserialize;

use super::tests::{claims, ring, seal};
use super::*;
use crate::crypto::DERIVED;

#[derive(Deserialize)]
struct Bad {
    tokens: Vec<Token>,
}

#[derive(Deserialize)]
struct Token {
    name: String,
    token: String,
}

fn is_rejected(ring: &KeyRing, token: &str, name: &str) {
    assert_eq!(ring.open(&SealedToken::new(token.to_owned()).unwrap()), Err(Unauthentic), "{name}");
}

#[test]
fn the_bad_vectors_are_rejected() {
    let bad: Bad = serde_json::from_str(crate::vectors::BAD).unwrap();
    let ring = ring(crate::vectors::KEYS, 10);
    let sound = bad.tokens.iter().filter(|bad| (1..=SealedToken::MAX_LEN).contains(&bad.token.len()));
    assert!(sound.map(|Token { name, token }| is_rejected(&ring, token, name)).count() >= 180);
}

#[test]
fn any_malformed_part_is_rejected() {
    let ring = ring(crate::vectors::KEYS, 10);
    for format in [TokenFormat::Encrypted, TokenFormat::Signed] {
        let token = seal(&ring, format).as_str().to_owned();
        for subkey_is_cached in [false, true] {
            for part in 0..token.split('.').count() {
                let zeros = ["A".repeat(16), "A".repeat(22), "A".repeat(86), "A".repeat(4000)];
                let others = ["", "A", "!!!!!!!!!!!!!!!!", "ä"].map(str::to_owned);
                for spoilt in zeros.iter().chain(&others) {
                    let mut parts: Vec<&str> = token.split('.').collect();
                    if parts[part] != spoilt {
                        parts[part] = spoilt;
                        is_rejected(
                            &ring,
                            &parts.join("."),
                            &format!("{format:?}, {part}, {subkey_is_cached}"),
                        );
                    }
                }
            }
            is_rejected(&ring, &format!("{token}."), "one part more");
            assert!(ring.open(&SealedToken::new(token.clone()).unwrap()).is_ok());
        }
    }
    for len in [1, 100, 1000, SealedToken::MAX_LEN] {
        for text in ["A", ".", "\u{7f}"] {
            is_rejected(&ring, &text.repeat(len), text);
        }
    }
}

#[test]
fn a_subkey_is_derived_once() {
    let ring = ring(crate::vectors::KEYS, 10);
    let token = seal(&ring, TokenFormat::Encrypted);
    for derived in [1, 0] {
        DERIVED.set(0);
        assert_eq!(ring.open(&token), Ok(claims(None)));
        assert_eq!(DERIVED.get(), derived);
    }
}

#[test]
fn subkeys_of_unauthentic_tokens_are_not_cached() {
    let (ring, other) = (ring(crate::vectors::KEYS, 10), ring(crate::vectors::KEYS, 10));
    let token = seal(&ring, TokenFormat::Encrypted);
    // A tag of another, under the same header.
    let (head, _) = token.as_str().rsplit_once('.').unwrap();
    is_rejected(&other, &format!("{head}.AAAAAAAAAAAAAAAAAAAAAA"), "another tag");
    DERIVED.set(0);
    assert_eq!(other.open(&token), Ok(claims(None)));
    assert_eq!(DERIVED.get(), 1);
}
