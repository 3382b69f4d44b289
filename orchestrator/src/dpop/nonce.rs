//! Nonces for proofs (RFC 9449, section 8). A proof with a current nonce is recent: a script injected into the page for a
//! second cannot make proofs for next month. A nonce is the minute and an HMAC of it under a key derived from the
//! fingerprint keys. So nonces need no state, and every replica accepts those of the others.

use std::sync::Arc;

use actix_web::http::header::HeaderValue;
use arc_swap::ArcSwap;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use ring::hmac;
use shared_types::fingerprint::FingerprintKeys;

/// Separates the derived key from all other uses of the fingerprint keys.
const PURPOSE: &[u8] = b"webchat-dpop-nonce-v1";

/// Lifetime of a nonce in minutes, after its own minute.
const LIFETIME: i64 = 5;

/// Minutes by which the clock of another replica may be ahead.
const AHEAD: i64 = 1;

/// Lengths of the minute and of the HMAC, in bytes.
const MINUTE_LEN: usize = 8;
const TAG_LEN: usize = 32;

/// Generates and verifies nonces. One for all workers.
pub struct Nonces {
    /// The active key first.
    keys: Vec<hmac::Key>,
    /// The minute and its nonce: computed once a minute, not once a request.
    latest: ArcSwap<(i64, HeaderValue)>,
}

impl Nonces {
    /// Nonces under keys derived from these.
    pub fn new(keys: &FingerprintKeys) -> Self {
        let latest = ArcSwap::from_pointee((i64::MIN, HeaderValue::from_static("")));
        Self { keys: keys.derive(PURPOSE), latest }
    }

    /// The nonce of the minute of `now`: 54 characters of base64url.
    pub fn current(&self, now: DateTime<Utc>) -> HeaderValue {
        let minute = minute(now);
        let latest = self.latest.load();
        if latest.0 == minute {
            return latest.1.clone();
        }
        let nonce = self.keys.first().map(|key| nonce(key, minute)).unwrap_or_default();
        // Base64url is ASCII.
        let nonce = HeaderValue::try_from(nonce).unwrap_or(HeaderValue::from_static(""));
        self.latest.store(Arc::new((minute, nonce.clone())));
        nonce
    }

    /// Whether `nonce` was issued within the last five to six minutes, under any of the keys.
    pub fn is_valid(&self, nonce: &str, now: DateTime<Utc>) -> bool {
        let mut bytes = [0; MINUTE_LEN + TAG_LEN];
        if URL_SAFE_NO_PAD.decode_slice(nonce, &mut bytes).ok() != Some(bytes.len()) {
            return false;
        }
        let (minute_bytes, tag) = bytes.split_at(MINUTE_LEN);
        let stated = i64::from_be_bytes(minute_bytes.try_into().unwrap_or_default());
        let age = minute(now).saturating_sub(stated);
        (-AHEAD..=LIFETIME).contains(&age)
            && self.keys.iter().any(|key| hmac::verify(key, minute_bytes, tag).is_ok())
    }
}

impl std::fmt::Debug for Nonces {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Nonces(…)")
    }
}

fn minute(time: DateTime<Utc>) -> i64 {
    time.timestamp().div_euclid(60)
}

fn nonce(key: &hmac::Key, minute: i64) -> String {
    let minute = minute.to_be_bytes();
    let tag = hmac::sign(key, &minute);
    URL_SAFE_NO_PAD.encode([&minute, tag.as_ref()].concat())
}

#[cfg(test)]
mod tests {
    use shared_types::fingerprint::FingerprintKey;

    use super::*;

    fn nonces(keys: &[u8]) -> Nonces {
        let keys = keys.iter().map(|byte| FingerprintKey::new(vec![*byte; 32]).unwrap()).collect();
        Nonces::new(&FingerprintKeys::new(keys).unwrap())
    }

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    fn made(nonces: &Nonces, now: DateTime<Utc>) -> String {
        nonces.current(now).to_str().unwrap().to_owned()
    }

    #[test]
    fn a_nonce_is_valid_for_five_minutes_on_every_replica() {
        let (here, there) = (nonces(&[1]), nonces(&[1]));
        let nonce = made(&here, at(59));
        assert_eq!(nonce.len(), 54);
        for (seconds, good) in
            [(-61, false), (-60, true), (59, true), (359, true), (360, false), (86_400, false)]
        {
            assert_eq!(there.is_valid(&nonce, at(seconds)), good, "{seconds}");
        }
        assert_eq!(made(&here, at(0)), nonce, "of the same minute");
        assert_ne!(made(&here, at(60)), nonce);
    }

    #[test]
    fn a_nonce_outlives_key_rotation() {
        let nonce = made(&nonces(&[1]), at(0));
        assert!(nonces(&[2, 1]).is_valid(&nonce, at(0)));
        assert!(!nonces(&[2]).is_valid(&nonce, at(0)));
    }

    #[test]
    fn other_values_are_rejected() {
        let nonces = nonces(&[1]);
        let good = made(&nonces, at(0));
        for place in 0..good.len() {
            let mut other = good.clone().into_bytes();
            other[place] = if other[place] == b'A' { b'B' } else { b'A' };
            assert!(!nonces.is_valid(&String::from_utf8(other).unwrap(), at(0)), "{place}");
        }
        for other in ["", "A", "=", &good[1..], &format!("{good}A"), &"A".repeat(4096)] {
            assert!(!nonces.is_valid(other, at(0)), "{other}");
        }
        assert!(!nonces.is_valid(&URL_SAFE_NO_PAD.encode([0xff; 40]), at(0)));
    }
}
