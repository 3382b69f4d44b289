//! The key ring: unique nonces, which keys seal and which open, and redacted debug output.

use std::{
    collections::{HashMap, HashSet},
    thread,
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use serde_json::{Value, json};
use shared_types::DeploymentKey;

use super::*;

const KEYS: &str = crate::vectors::KEYS;

pub(super) fn ring(keys: &str, cap: u64) -> KeyRing {
    KeyRing::with_cap(KeyFile::parse(keys.as_bytes()).unwrap(), &SystemRandom::new(), cap).unwrap()
}

pub(super) fn claims(deployment: Option<u128>) -> Claims {
    let mut webchat = json!({"address_sid": "IG00000000000000000000000000000001"});
    if let Some(bits) = deployment {
        webchat["deployment_key"] = json!(DeploymentKey::from_bits(bits));
    }
    serde_json::from_value(json!({
        "jti": "6f4c8a52-0d4e-4c8a-9f0e-0c3a1f6b2d10", "iss": "ScopedAuthService", "aud": "webchat",
        "sub": "AC00000000000000000000000000000001", "iat": 0, "nbf": 0, "exp": 21600,
        "grants": {"identity": "0b0e7a3c-52a1-4b57-8f1e-5d2f4f1c9a77", "webchat": webchat},
        "sid": "c1a3d1a0-7f0f-4b0e-9b9a-3f5f1f6f7a01", "auth_time": 0,
    }))
    .unwrap()
}

pub(super) fn seal(ring: &KeyRing, format: TokenFormat) -> SealedToken {
    ring.seal(&claims(None), format, &SystemRandom::new()).unwrap()
}

fn kid(token: &SealedToken) -> String {
    let header = URL_SAFE_NO_PAD.decode(token.as_str().split('.').next().unwrap()).unwrap();
    let header: Value = serde_json::from_slice(&header).unwrap();
    header["kid"].as_str().unwrap().to_owned()
}

fn nonce(token: &SealedToken) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(token.as_str().split('.').nth(2).unwrap()).unwrap()
}

/// `kid` without its deployment.
fn salt(kid: &str) -> String {
    kid.splitn(3, '.').take(2).collect::<Vec<_>>().join(".")
}

#[test]
fn salt_and_nonce_are_unique_across_threads_and_epochs() {
    const CAP: u64 = 100;
    let ring = ring(KEYS, CAP);
    let tokens: Vec<SealedToken> = thread::scope(|scope| {
        let seal_some = |thread: u128| {
            let ring = &ring;
            move || -> Vec<_> {
                let deployments = (0..700).map(|i| (i % 3 > 0).then_some(thread + i % 3));
                deployments
                    .map(|d| ring.seal(&claims(d), TokenFormat::Encrypted, &SystemRandom::new()).unwrap())
                    .collect()
            }
        };
        let threads: Vec<_> = (0..8).map(|thread| scope.spawn(seal_some(thread))).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let mut nonces: HashMap<String, HashSet<Vec<u8>>> = HashMap::new();
    for token in &tokens {
        assert!(nonces.entry(salt(&kid(token))).or_default().insert(nonce(token)), "a nonce twice");
        assert!(ring.open(token).is_ok());
    }
    assert!(nonces.len() as u64 >= 8 * 700 / CAP);
    assert!(nonces.values().all(|of_salt| of_salt.len() as u64 <= CAP));
}

#[test]
fn a_used_up_epoch_is_followed_by_another() {
    let ring = ring(KEYS, 2);
    let tokens: Vec<_> = (0..5).map(|_| seal(&ring, TokenFormat::Encrypted)).collect();
    let kids: Vec<_> = tokens.iter().map(kid).collect();
    assert!(kids[0] == kids[1] && kids[1] != kids[2] && kids[2] == kids[3] && kids[3] != kids[4]);
    let last_bytes: Vec<_> = tokens.iter().map(|token| nonce(token)[11]).collect();
    assert_eq!(last_bytes, [0, 1, 0, 1, 0]);
    assert_eq!(epoch::CAP, 4_294_967_296);
}

#[test]
fn two_rings_of_one_file_have_different_salts_and_open_each_others_tokens() {
    let rings = [ring(KEYS, 10), ring(KEYS, 10)];
    let tokens = [seal(&rings[0], TokenFormat::Encrypted), seal(&rings[1], TokenFormat::Encrypted)];
    assert_ne!(kid(&tokens[0]), kid(&tokens[1]));
    assert!(rings[0].open(&tokens[1]).is_ok() && rings[1].open(&tokens[0]).is_ok());
}

#[test]
fn the_active_key_seals_and_every_listed_one_opens() {
    let before = ring(KEYS, 10);
    // enc-1 active, enc-2 next, enc-3 retired; sig-1 active, sig-2 next: one step on.
    let moved = KEYS.replace("\"active\"", "\"retired\"").replace("\"next\"", "\"active\"");
    let after = ring(&moved, 10);
    for format in [TokenFormat::Encrypted, TokenFormat::Signed] {
        let (old, new) = (seal(&before, format), seal(&after, format));
        assert!(kid(&old).contains("-1") && kid(&new).contains("-2"));
        assert!(before.open(&old).is_ok() && before.open(&new).is_ok());
        assert!(after.open(&old).is_ok() && after.open(&new).is_ok());
    }
}

#[test]
fn a_removed_key_does_not_open() {
    let before = ring(KEYS, 10);
    let after = ring(&KEYS.replace("enc-1", "enc-9").replace("sig-1", "sig-9"), 10);
    for format in [TokenFormat::Encrypted, TokenFormat::Signed] {
        assert_eq!(after.open(&seal(&before, format)), Err(Unauthentic));
    }
}

#[test]
fn a_retired_key_opens_until_it_expires_and_the_epoch_continues() {
    let at = |seconds: i64| DateTime::from_timestamp(1000 + seconds, 0).unwrap();
    let before = ring(KEYS, 2);
    let retired = r#""opens_until": 1000, "status": "retired""#;
    let moved = KEYS.replace(r#""status": "active""#, retired).replace("\"next\"", "\"active\"");
    let ring = ring(&moved, 2);
    assert!(ring.without_expired_keys(at(-1)).is_none());
    let after = ring.without_expired_keys(at(0)).unwrap();
    assert!(after.without_expired_keys(at(1000)).is_none(), "enc-3 says no time");
    for format in [TokenFormat::Encrypted, TokenFormat::Signed] {
        let (old, new) = (seal(&before, format), seal(&ring, format));
        assert!(ring.open(&old).is_ok());
        assert_eq!(after.open(&old), Err(Unauthentic));
        assert!(after.open(&new).is_ok());
    }
    let kids = |ring: &KeyRing| ring.key_infos().iter().map(|info| info.kid.clone()).collect::<Vec<_>>();
    assert_eq!(kids(&after), ["enc-2", "enc-3", "sig-2"]);
    let published: Vec<_> = after.public_keys().keys.iter().map(|key| key.kid.as_str()).collect();
    assert_eq!(published, ["sig-2"]);
    // `ring` has sealed the first of the epoch's two; both seal from the one counter.
    let tokens = [
        seal(&after, TokenFormat::Encrypted),
        seal(&ring, TokenFormat::Encrypted),
        seal(&after, TokenFormat::Encrypted),
    ];
    let [second, third, fourth] = tokens.each_ref().map(|token| (kid(token), nonce(token)[11]));
    assert_eq!((second.1, third.1, fourth.1), (1, 0, 1));
    assert!(second.0 != third.0 && third.0 == fourth.0);
}

#[test]
fn a_session_hash_depends_on_the_audit_key_only() {
    let audit = |k: &str| {
        let key =
            json!({"kty": "oct", "use": "audit", "alg": "HS256", "kid": "a", "k": k, "status": "active"});
        KEYS.replacen('[', &format!("[{key},"), 1)
    };
    let listed = audit("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8");
    let session = "c1a3d1a0-7f0f-4b0e-9b9a-3f5f1f6f7a01".parse().unwrap();
    // printf c1a3d1a0-… | openssl dgst -sha256 -mac HMAC -macopt hexkey:000102…1f
    let hash = ring(&listed, 10).session_hash(session);
    assert_eq!(hash, "8f87a6038643a945");
    assert_eq!(ring(&listed.replace("enc-1", "enc-9"), 10).session_hash(session), hash);
    let other = audit("ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8");
    assert_ne!(ring(&other, 10).session_hash(session), hash);
    let derived = ring(KEYS, 10).session_hash(session);
    let others = KEYS.replace(
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
        "YGFiY2RlZmdoaWprbG1ub3BxcnN0dXZ3eHl6e3x9fn8",
    );
    assert_ne!(ring(&others, 10).session_hash(session), derived, "it is as secret as the key");
    assert!(derived != hash && derived.len() == 16);
    assert_eq!(ring(KEYS, 10).session_hash(session), derived);
    assert_ne!(ring(KEYS, 10).session_hash("c1a3d1a0-7f0f-4b0e-9b9a-3f5f1f6f7a02".parse().unwrap()), derived);
}

#[test]
fn the_deployment_is_in_the_kid_and_has_its_own_subkey() {
    let ring = ring(KEYS, 10);
    let token = ring.seal(&claims(Some(7)), TokenFormat::Encrypted, &SystemRandom::new()).unwrap();
    assert_eq!(token.claimed_deployment(), Some(DeploymentKey::from_bits(7)));
    let kid = kid(&token);
    let own = ring.subkey_jwk(&kid).unwrap();
    let other = ring.subkey_jwk(&kid.replace("07", "08")).unwrap();
    let k = |jwk: &str| serde_json::from_str::<Value>(jwk).unwrap()["k"].clone();
    assert_ne!(k(&own), k(&other));
    assert_eq!(ring.subkey_jwk("enc-1"), None);
    assert_eq!(ring.subkey_jwk(&kid.replace("enc-1", "sig-1")), None);
}

#[test]
fn grants_that_do_not_fit_are_rejected() {
    let ring = ring(KEYS, 10);
    let sealed = |claims: &Claims, format| ring.seal(claims, format, &SystemRandom::new());
    let with = |len: usize| {
        let mut claims = claims(None);
        let grant = json!({"type": "other", "text": "x".repeat(len)});
        claims.grants.grants.push(serde_json::from_value(grant).unwrap());
        claims
    };
    for format in [TokenFormat::Encrypted, TokenFormat::Signed] {
        assert_eq!(sealed(&with(8000), format), Err(SealError::TooLong));
        // The longest that fits opens again.
        let longest =
            (4000..8000).rev().find_map(|len| sealed(&with(len), format).ok().map(|token| (len, token)));
        let (len, token) = longest.unwrap();
        assert!(token.as_str().len() > SealedToken::MAX_LEN - 4);
        assert_eq!(ring.open(&token), Ok(with(len)));
    }
}

#[test]
fn a_mismatched_key_pair_is_rejected() {
    let set: Value = serde_json::from_str(KEYS).unwrap();
    let mut swapped = set.clone();
    swapped["keys"][4]["d"] = set["keys"][3]["d"].clone();
    let file = KeyFile::parse(swapped.to_string().as_bytes()).unwrap();
    let refusal = KeyRing::new(file, &SystemRandom::new()).unwrap_err().to_string();
    assert!(refusal.starts_with("key 5 of the key file: its `d` does not match"), "{refusal}");
}

#[test]
fn all_signing_keys_are_published_without_private_members() {
    let ring = ring(KEYS, 10);
    let published = serde_json::to_value(ring.public_keys()).unwrap();
    assert_eq!(published["keys"].as_array().unwrap().len(), 2);
    for key in published["keys"].as_array().unwrap() {
        let members: Vec<_> = key.as_object().unwrap().keys().collect();
        assert_eq!(members, ["kty", "crv", "x", "y", "alg", "use", "kid"]);
    }
    assert_eq!(published["keys"][0]["kid"], "sig-1");
}

#[test]
fn debug_output_is_redacted() {
    assert_eq!(format!("{:?}", ring(KEYS, 10)), "KeyRing(…)");
}
