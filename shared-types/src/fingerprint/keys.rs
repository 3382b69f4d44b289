//! The fingerprint key ring. It holds several keys so that they can be rotated while sessions continue: a presented
//! fingerprint has a record for every key of the ring, the active key first. ScopedAuthService compares the record of
//! the key that the token's fingerprint was made with, and seals the record of the active key.

use std::fmt;

use base64::{
    Engine as _,
    alphabet::URL_SAFE,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use ring::hmac;
use zeroize::Zeroizing;

use super::{Signal, record::Digest};
use crate::ids::AccountSid;

/// Domain separation from all other uses of the same key, and from later versions of this one.
const PURPOSE: &[u8] = b"webchat-fingerprint-v2";
const KEY_ID_PURPOSE: &[u8] = b"webchat-fingerprint-key-id-v1";

/// Base64url with optional padding, because key generation tools differ in it.
const BASE64URL: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Invalid key ring: not base64url, too short, too many, or duplicates. The error never contains the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MalformedKeys {
    /// A key is not base64url of at least [`FingerprintKey::MIN_LEN`] bytes.
    #[error("expected at least 32 bytes in base64url")]
    Key,
    /// No keys, or more than [`FingerprintKeys::MAX`].
    #[error("expected one to four keys, comma separated")]
    Count,
    /// Two keys have the same id.
    #[error("expected different keys")]
    Alike,
}

/// Key id: identifies the key of the ring that a fingerprint was made with. The first bytes of an HMAC-SHA256 under the
/// key. It reveals nothing about a browser, and is the same for every account.
pub(super) type KeyId = [u8; 2];

/// A secret key for fingerprints. `Debug` redacts it; zeroised on drop.
#[derive(Clone)]
pub struct FingerprintKey {
    secret: Zeroizing<Vec<u8>>,
    id: KeyId,
}

impl FingerprintKey {
    /// Minimum length, in bytes: the length of an HMAC-SHA256 digest.
    pub const MIN_LEN: usize = 32;

    /// Creates a key from at least 32 bytes, which must be random. [`MalformedKeys::Key`] if there are fewer.
    pub fn new(secret: Vec<u8>) -> Result<Self, MalformedKeys> {
        let secret = Zeroizing::new(secret);
        if secret.len() < Self::MIN_LEN {
            return Err(MalformedKeys::Key);
        }
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &secret), KEY_ID_PURPOSE);
        Ok(Self { id: tag.as_ref().first_chunk().copied().unwrap_or_default(), secret })
    }

    /// Decodes a key from base64url, with or without padding.
    fn from_base64url(text: &str) -> Result<Self, MalformedKeys> {
        let mut secret = Vec::with_capacity(text.len());
        match BASE64URL.decode_vec(text, &mut secret) {
            Ok(()) => Self::new(secret),
            Err(_) => {
                drop(Zeroizing::new(secret));
                Err(MalformedKeys::Key)
            }
        }
    }

    /// Derives the key of one account: HMAC-SHA256 over `webchat-fingerprint-v2` and the sid.
    fn account(&self, account_sid: AccountSid) -> AccountKey {
        let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, &self.secret));
        context.update(PURPOSE);
        context.update(account_sid.text().as_bytes());
        AccountKey { id: self.id, key: hmac::Key::new(hmac::HMAC_SHA256, context.sign().as_ref()) }
    }
}

impl fmt::Debug for FingerprintKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FingerprintKey(…)")
    }
}

/// The key ring (`ORCHESTRATOR_FINGERPRINT_KEY`). The first key is active: its record is sealed into tokens. The others
/// are retired keys, kept for the lifetime of a session, or future keys, added before they become active so that every
/// replica has them.
#[derive(Clone, Debug)]
pub struct FingerprintKeys(Vec<FingerprintKey>);

impl FingerprintKeys {
    /// Maximum number of keys: as many records as fit into a [`Fingerprint`](super::Fingerprint).
    pub const MAX: usize = 4;

    /// Creates a ring of one to four keys, the active one first. Fails on another number and on duplicates.
    pub fn new(keys: Vec<FingerprintKey>) -> Result<Self, MalformedKeys> {
        if keys.is_empty() || keys.len() > Self::MAX {
            return Err(MalformedKeys::Count);
        }
        let stands_before = |place: usize, id: KeyId| keys.iter().take(place).any(|earlier| earlier.id == id);
        if keys.iter().enumerate().any(|(place, key)| stands_before(place, key.id)) {
            return Err(MalformedKeys::Alike);
        }
        Ok(Self(keys))
    }

    /// Parses a ring from comma-separated keys in base64url.
    pub fn from_base64url(text: &str) -> Result<Self, MalformedKeys> {
        Self::new(
            text.split(',')
                .map(|key| FingerprintKey::from_base64url(key.trim()))
                .collect::<Result<_, _>>()?,
        )
    }

    /// Derives a key for another purpose from each key, the active one first: HMAC-SHA256 over `purpose`. No other use
    /// of these keys may have `purpose` as a prefix.
    pub fn derive(&self, purpose: &'static [u8]) -> Vec<hmac::Key> {
        let derive = |key: &FingerprintKey| {
            let derived = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key.secret), purpose);
            hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref())
        };
        self.0.iter().map(derive).collect()
    }

    /// Derives the keys of one account.
    pub fn account(&self, account_sid: AccountSid) -> AccountKeys {
        AccountKeys(self.0.iter().map(|key| key.account(account_sid)).collect())
    }
}

/// The key ring of one account. `Debug` redacts it. Derivation takes half a microsecond for each key; a
/// [`Maker`](super::Maker) caches some rings.
#[derive(Clone)]
pub struct AccountKeys(Vec<AccountKey>);

impl AccountKeys {
    pub(super) fn iter(&self) -> impl Iterator<Item = &AccountKey> {
        self.0.iter()
    }
}

impl fmt::Debug for AccountKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccountKeys(…)")
    }
}

#[derive(Clone)]
pub(super) struct AccountKey {
    pub(super) id: KeyId,
    key: hmac::Key,
}

impl AccountKey {
    pub(super) fn digest(&self, signal: Signal, value: &[u8]) -> Digest {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(&[signal as u8]);
        context.update(value);
        let tag = context.sign();
        let (tag, mut digest) = (tag.as_ref(), Digest::default());
        let len = signal.digest_len();
        digest.split_at_mut(len).0.copy_from_slice(tag.split_at(len).0);
        digest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_keys_are_rejected_and_debug_is_redacted() {
        let secret = "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2U";
        for text in [secret.to_owned(), format!("{secret}=")] {
            let key = FingerprintKey::from_base64url(&text).unwrap();
            assert_eq!(key.secret.as_slice(), b"secretsecretsecretsecretsecretse");
            assert_eq!(format!("{key:?}"), "FingerprintKey(…)");
            let keys = FingerprintKeys::new(vec![key]).unwrap();
            assert_eq!(format!("{keys:?}"), "FingerprintKeys([FingerprintKey(…)])");
            assert_eq!(format!("{:?}", keys.account(AccountSid::from_bits(1))), "AccountKeys(…)");
        }
        for text in ["", "c2VjcmV0", &secret[..42], "c2VjcmV0c2VjcmV0+2VjcmV0c2VjcmV0c2VjcmV0c2U", "!"] {
            assert_eq!(FingerprintKey::from_base64url(text).unwrap_err(), MalformedKeys::Key, "{text}");
        }
    }

    #[test]
    fn a_ring_requires_one_to_four_distinct_keys() {
        let key = |number: usize| char::from(b'A' + u8::try_from(number).unwrap()).to_string().repeat(43);
        let ring = |numbers: &[usize]| {
            let keys: Vec<_> = numbers.iter().map(|number| key(*number)).collect();
            FingerprintKeys::from_base64url(&keys.join(" , ")).map(|keys| keys.0.len())
        };
        assert_eq!((ring(&[0]), ring(&[0, 4, 8, 12])), (Ok(1), Ok(4)));
        assert_eq!(ring(&[0, 4, 8, 12, 16]), Err(MalformedKeys::Count));
        assert_eq!(ring(&[0, 4, 0]), Err(MalformedKeys::Alike));
        assert_eq!(FingerprintKeys::new(Vec::new()).unwrap_err(), MalformedKeys::Count);
        assert_eq!(FingerprintKeys::from_base64url(&format!("{},", key(0))).unwrap_err(), MalformedKeys::Key);
    }

    #[test]
    fn digests_differ_by_account_signal_and_value() {
        let key = FingerprintKey::new(vec![7; 32]).unwrap();
        let (one, two) = (key.account(AccountSid::from_bits(1)), key.account(AccountSid::from_bits(2)));
        let digest = one.digest(Signal::AudioDecoder, b"1");
        assert_eq!(digest, key.account(AccountSid::from_bits(1)).digest(Signal::AudioDecoder, b"1"));
        assert_ne!(digest, two.digest(Signal::AudioDecoder, b"1"));
        assert_ne!(digest, one.digest(Signal::VideoDecoder, b"1"));
        assert_ne!(digest, one.digest(Signal::AudioDecoder, b"0"));
    }
}
