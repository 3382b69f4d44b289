//! The revoked set: which tokens are revoked, for how long, and the memory that it uses afterwards.

use std::thread;

use serde_json::json;
use shared_types::{AccountSid, DeploymentKey, Identity};

use super::*;

const IDENTITY: &str = "0b0e7a3c-52a1-4b57-8f1e-5d2f4f1c9a77";

fn at(millis: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(1_800_000_000_000 + millis).unwrap()
}

fn session(n: u64) -> SessionId {
    // Ids of one shard too, and of one time.
    SessionId::begun_at(1_800_000_000_000, &(u128::from(n) << 8).to_be_bytes()[6..].try_into().unwrap())
}

/// Those of a token of session `n`, which began at 0.
fn claims(n: u64) -> Claims {
    serde_json::from_value(json!({
        "jti": "6f4c8a52-0d4e-4c8a-9f0e-0c3a1f6b2d10", "iss": "ScopedAuthService", "aud": "webchat",
        "sub": AccountSid::from_bits(1), "iat": 1_800_000_000, "nbf": 1_800_000_000,
        "exp": 1_800_021_600, "sid": session(n), "auth_time": 1_800_000_000,
        "grants": {"identity": IDENTITY, "webchat": {
            "address_sid": "IG00000000000000000000000000000001", "deployment_key": DeploymentKey::from_bits(2),
        }},
    }))
    .unwrap()
}

fn revocation(target: RevocationTarget, revoked_at: i64, forget_at: i64) -> Revocation {
    Revocation { target, revoked_at: at(revoked_at), forget_at: at(forget_at) }
}

#[test]
fn a_revoked_session_is_revoked_whenever_it_began() {
    let set = RevokedSet::default();
    // Before it began, by another replica's clock.
    set.add([revocation(RevocationTarget::Session(session(1)), -1000, 1000)]);
    assert!(set.is_revoked(&claims(1)));
    assert!(!set.is_revoked(&claims(2)));
}

#[test]
fn other_targets_revoke_sessions_that_began_up_to_then() {
    let identity: Identity = IDENTITY.parse().unwrap();
    let ours = AccountSid::from_bits(1);
    for (target, is_ours) in [
        (RevocationTarget::Account(ours), true),
        (RevocationTarget::Account(AccountSid::from_bits(2)), false),
        (RevocationTarget::Identity(ours, identity), true),
        (RevocationTarget::Identity(AccountSid::from_bits(2), identity), false),
        (RevocationTarget::Deployment(DeploymentKey::from_bits(2)), true),
        (RevocationTarget::Deployment(DeploymentKey::from_bits(1)), false),
    ] {
        let set = RevokedSet::default();
        set.add([revocation(target, -1, 1000)]);
        assert!(!set.is_revoked(&claims(1)), "{target:?}: it began later");
        set.add([revocation(target, 0, 1000)]);
        assert_eq!(set.is_revoked(&claims(1)), is_ours, "{target:?}");
        set.add([revocation(target, -1, 1000)]);
        assert_eq!(set.is_revoked(&claims(1)), is_ours, "{target:?}: the later one counts");
    }
}

#[test]
fn revocations_are_removed_when_they_expire() {
    let account = RevocationTarget::Account(AccountSid::from_bits(1));
    for forget_at in [1000, 1001, 1999, 2000] {
        let sessions = RevokedSet::default();
        sessions
            .add([2, 1].map(|n| revocation(RevocationTarget::Session(session(n)), 0, forget_at * n as i64)));
        let others = RevokedSet::default();
        others.add([revocation(account, 0, forget_at)]);
        for set in [&sessions, &others] {
            set.forget(at(forget_at - 1));
            assert!(set.is_revoked(&claims(1)), "{forget_at}");
            set.forget(at(forget_at + 999));
            assert!(!set.is_revoked(&claims(1)), "{forget_at}");
        }
        assert!(sessions.is_revoked(&claims(2)), "{forget_at}");
        sessions.forget(at(2 * forget_at + 999));
        assert!(!sessions.is_revoked(&claims(2)), "{forget_at}");
    }
}

#[test]
fn a_session_revoked_twice_is_kept_until_the_later_expiry() {
    for order in [[1000, 5000], [5000, 1000]] {
        let set = RevokedSet::default();
        set.add(
            order.map(|forget_at| revocation(RevocationTarget::Session(session(1)), forget_at, forget_at)),
        );
        set.forget(at(4999));
        assert!(set.is_revoked(&claims(1)), "{order:?}");
    }
}

#[test]
fn removed_revocations_free_their_memory() {
    let set = RevokedSet::default();
    set.add((0..10_000).map(|n| revocation(RevocationTarget::Session(session(n)), 0, 1000)));
    set.add([revocation(RevocationTarget::Session(session(10_000)), 0, 2000)]);
    let room = || set.sessions.iter().map(|shard| shard.read().forget_at.capacity()).sum::<usize>();
    assert!(room() >= 10_000);
    set.forget(at(1000));
    assert!(room() < 10, "{}", room());
    assert!(set.is_revoked(&claims(10_000)));
}

#[test]
fn similar_ids_hash_evenly() {
    let hash = IdHash::new();
    let (mut buckets, mut tags) = ([0; 1024], [0; 128]);
    for n in 0..102_400 {
        let hash = hash.hash_one(session(n));
        // The two parts of a hash that the map goes by.
        buckets[hash as usize % 1024] += 1;
        tags[(hash >> 57) as usize] += 1;
    }
    assert!(buckets.iter().all(|count| (30..200).contains(count)), "{buckets:?}");
    assert!(tags.iter().all(|count| (600..1000).contains(count)), "{tags:?}");
}

#[test]
fn concurrent_adds_are_all_visible() {
    let set = RevokedSet::default();
    thread::scope(|scope| {
        for thread in 0..4_u64 {
            let set = &set;
            scope.spawn(move || {
                for n in (0..200).map(|n| n * 4 + thread) {
                    let account = RevocationTarget::Account(AccountSid::from_bits(u128::from(n) + 100));
                    set.add([
                        revocation(RevocationTarget::Session(session(n)), 0, 1000),
                        revocation(account, 0, 1000 * (n as i64 % 2)),
                    ]);
                    assert!(set.is_revoked(&claims(n)));
                    set.forget(at(0));
                }
            });
        }
    });
    assert!((0..800).all(|n| set.is_revoked(&claims(n))));
    assert_eq!(set.others.load().len(), 400);
}

#[test]
fn it_does_not_print() {
    let set = RevokedSet::default();
    set.add([revocation(RevocationTarget::Session(session(1)), 0, 1000)]);
    assert_eq!(format!("{set:?}"), "RevokedSet(…)");
}
