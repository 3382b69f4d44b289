//! Constant work: rejecting a token derives one key and decrypts its length, or verifies one signature, for every defect.

use serde::Deserialize;

use super::tests::{claims, ring, seal};
use super::*;
use crate::crypto::work::{self, Work};

const KEYS: &str = crate::vectors::KEYS;

#[derive(Deserialize)]
struct Bad {
    tokens: Vec<Token>,
}

#[derive(Deserialize)]
struct Token {
    name: String,
    token: String,
}

fn work_of_rejecting(ring: &KeyRing, token: String) -> Work {
    let token = SealedToken::new(token).unwrap();
    work::done();
    assert_eq!(ring.open(&token), Err(Unauthentic));
    work::done()
}

/// The bytes that are decrypted of an encrypted token of this length: without header, nonce and tag, in steps of three.
fn bytes_of(characters: usize) -> std::ops::RangeInclusive<usize> {
    let info = characters.saturating_sub(300) * 3 / 4;
    info.saturating_sub(80)..=info + 240
}

fn is_that_of_any_other(work: &Work, token: &str, name: &str) {
    if token.split('.').count() == 3 {
        let signed = token.rfind('.').unwrap();
        assert_eq!(*work, Work { verified: vec![signed], ..Work::default() }, "{name}");
    } else {
        assert_eq!((work.derived, work.verified.len(), work.opened.len()), (1, 0, 1), "{name}");
        let opened = work.opened[0];
        assert!(
            bytes_of(token.len()).contains(&opened),
            "{name}: {opened} bytes of {} characters",
            token.len()
        );
    }
}

#[test]
fn the_bad_vectors_are_rejected_with_the_same_work() {
    let bad: Bad = serde_json::from_str(crate::vectors::BAD).unwrap();
    let ring = ring(KEYS, 10);
    let mut refused = 0;
    for Token { name, token } in bad.tokens {
        if token.is_empty() || token.len() > SealedToken::MAX_LEN {
            continue;
        }
        let work = work_of_rejecting(&ring, token.clone());
        is_that_of_any_other(&work, &token, &name);
        refused += 1;
    }
    assert!(refused >= 180);
}

/// Replacements for a part, among them a malformed nonce whose stand-in equals the first token's nonce, and a signature of
/// zeros, which is rejected before anything is computed.
fn spoilt_parts() -> [String; 6] {
    [String::new(), "A".to_owned(), "!".repeat(16), "A".repeat(86), "A".repeat(4000), "\u{e4}".repeat(40)]
}

#[test]
fn any_malformed_part_takes_the_same_work() {
    let ring = ring(KEYS, 10);
    for format in [TokenFormat::Encrypted, TokenFormat::Signed] {
        let token = seal(&ring, format).as_str().to_owned();
        let count = token.split('.').count();
        for part in 0..count {
            for spoilt in spoilt_parts() {
                let mut parts: Vec<&str> = token.split('.').collect();
                if parts[part] == spoilt {
                    continue;
                }
                parts[part] = &spoilt;
                let spoilt = parts.join(".");
                let work = work_of_rejecting(&ring, spoilt.clone());
                is_that_of_any_other(&work, &spoilt, &format!("{format:?}, part {part}"));
            }
        }
    }
    for len in [1, 100, 1000, SealedToken::MAX_LEN] {
        for text in ["A", ".", "\u{7f}"] {
            let token = text.repeat(len);
            is_that_of_any_other(&work_of_rejecting(&ring, token.clone()), &token, text);
        }
    }
}

#[test]
fn a_valid_token_takes_the_same_work() {
    let ring = ring(KEYS, 10);
    let tokens = [TokenFormat::Encrypted, TokenFormat::Signed].map(|format| seal(&ring, format));
    for token in tokens {
        work::done();
        assert_eq!(ring.open(&token), Ok(claims(None)));
        is_that_of_any_other(&work::done(), token.as_str(), "good");
    }
}

#[test]
fn a_cached_subkey_saves_work_for_valid_tokens_only() {
    let ring = ring(KEYS, 10);
    let token = seal(&ring, TokenFormat::Encrypted);
    assert_eq!(ring.open(&token), Ok(claims(None)));
    work::done();
    assert_eq!(ring.open(&token), Ok(claims(None)));
    let good = work::done();
    assert_eq!((good.derived, good.opened.len()), (0, 1));
    let parts: Vec<&str> = token.as_str().split('.').collect();
    for part in 1..parts.len() {
        for spoilt in spoilt_parts() {
            let mut parts = parts.clone();
            if parts[part] == spoilt {
                continue;
            }
            parts[part] = &spoilt;
            let spoilt = parts.join(".");
            is_that_of_any_other(&work_of_rejecting(&ring, spoilt.clone()), &spoilt, &format!("part {part}"));
        }
    }
    let end = token.as_str().len() - 1;
    let other = if token.as_str().ends_with('A') { "Q" } else { "A" };
    let tampered = format!("{}{other}", &token.as_str()[..end]);
    is_that_of_any_other(&work_of_rejecting(&ring, tampered.clone()), &tampered, "tampered");
}

#[test]
fn subkeys_of_unauthentic_tokens_are_not_cached() {
    let (ring, other) = (ring(KEYS, 10), super::tests::ring(KEYS, 10));
    let token = seal(&ring, TokenFormat::Encrypted);
    // A tag of another, under the same header.
    let (head, _) = token.as_str().rsplit_once('.').unwrap();
    let tampered = format!("{head}.AAAAAAAAAAAAAAAAAAAAAA");
    work_of_rejecting(&other, tampered);
    work::done();
    assert_eq!(other.open(&token), Ok(claims(None)));
    assert_eq!(work::done().derived, 1);
}
