//! The memory of a revoked session, as the operating system counts it. A separate test binary: parallel tests would be
//! counted too.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a helper that fails is a test that fails")]

use std::fs;

use chrono::{DateTime, TimeDelta, Utc};
use scoped_auth::revocations::{Revocation, RevocationTarget, RevokedSet};
use shared_types::SessionId;

/// The resident memory of this process, in bytes.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap() * 1024
}

/// Random like real session ids, and the same in each run.
fn session(n: u64) -> SessionId {
    let random = u128::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    SessionId::begun_at(1_800_000_000_000 + n, &random.to_be_bytes()[..10].try_into().unwrap())
}

#[test]
fn a_revoked_session_uses_less_than_64_bytes() {
    let revoked_at: DateTime<Utc> = "2026-01-02T03:04:05Z".parse().unwrap();
    let forget_at = revoked_at + TimeDelta::days(1);
    let revocation = |n| Revocation { target: RevocationTarget::Session(session(n)), revoked_at, forget_at };
    // One at a time, as they come; and looked at where the maps have just doubled and after.
    let (set, before, mut added) = (RevokedSet::default(), resident(), 0);
    for count in [460_000, 500_000, 920_000, 1_000_000, 1_800_000] {
        while added < count {
            set.add([revocation(added)]);
            added += 1;
        }
        let each = (resident() - before) as f64 / count as f64;
        println!("{count} revoked sessions: {each:.1} bytes each");
        assert!(each < 64.0, "{count} revoked sessions take {each:.1} bytes each");
    }
    set.forget(forget_at);
    let left = resident().saturating_sub(before);
    println!("forgotten: {left} bytes are left");
    assert!(left < 8 << 20, "{left} bytes are left");
}
