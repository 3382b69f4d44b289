//! The keys that fingerprints are made with: a small ring, so that one can be replaced while sessions go on. A guest's
//! browser is shown under every key of the ring, the active one first; ScopedAuthService compares under the key that
//! the token's fingerprint was made with, and seals what was made with the active one.

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

/// Set apart from all other uses of the same key, and from later versions of this one.
const PURPOSE: &[u8] = b"webchat-fingerprint-v1";
const KEY_ID_PURPOSE: &[u8] = b"webchat-fingerprint-key-id-v1";

/// Base64url with or without padding: tools that make keys differ in it.
const BASE64URL: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Keys are not base64url, too short, too many, or alike. Does not repeat what was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MalformedKeys {
    /// One is not base64url of [`FingerprintKey::MIN_LEN`] bytes or more.
    #[error("expected at least 32 bytes in base64url")]
    Key,
    /// None, or more than [`FingerprintKeys::MAX`].
    #[error("expected one to four keys, comma separated")]
    Count,
    /// Two cannot be told apart by their name.
    #[error("expected different keys")]
    Alike,
}

/// Which key of a ring a fingerprint was made with: the first bytes of an HMAC-SHA256 under the key. It tells nothing
/// about a browser, and is the same for every account.
pub(super) type KeyId = [u8; 2];

/// A secret that fingerprints are made with. Does not print; wiped when dropped.
#[derive(Clone)]
pub struct FingerprintKey {
    secret: Zeroizing<Vec<u8>>,
    id: KeyId,
}

impl FingerprintKey {
    /// The fewest bytes: as many as a digest has.
    pub const MIN_LEN: usize = 32;

    /// Takes at least 32 bytes, which must be random.
    pub fn new(secret: Vec<u8>) -> Result<Self, MalformedKeys> {
        let secret = Zeroizing::new(secret);
        if secret.len() < Self::MIN_LEN {
            return Err(MalformedKeys::Key);
        }
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &secret), KEY_ID_PURPOSE);
        Ok(Self { id: tag.as_ref().first_chunk().copied().unwrap_or_default(), secret })
    }

    /// Reads a key from base64url, padded or not.
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

    /// The key of one account: HMAC-SHA256 over `webchat-fingerprint-v1` and the sid.
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

/// The ring (`ORCHESTRATOR_FINGERPRINT_KEY`). The first key is the active one: what it makes is sealed into tokens. The
/// others stay for as long as a session lives, or come before they become active, so that every replica knows them.
#[derive(Clone, Debug)]
pub struct FingerprintKeys(Vec<FingerprintKey>);

impl FingerprintKeys {
    /// The most keys: as many as fit into a [`Fingerprint`](super::Fingerprint).
    pub const MAX: usize = 4;

    /// Takes one to four keys, the active one first.
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

    /// Reads a ring from keys in base64url, comma separated.
    pub fn from_base64url(text: &str) -> Result<Self, MalformedKeys> {
        Self::new(
            text.split(',')
                .map(|key| FingerprintKey::from_base64url(key.trim()))
                .collect::<Result<_, _>>()?,
        )
    }

    /// Keys for another purpose, one of each, the active one's first: HMAC-SHA256 over `purpose`, which no other use of
    /// these keys may begin with.
    pub fn derive(&self, purpose: &'static [u8]) -> Vec<hmac::Key> {
        let derive = |key: &FingerprintKey| {
            let derived = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key.secret), purpose);
            hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref())
        };
        self.0.iter().map(derive).collect()
    }

    /// The keys of one account.
    pub fn account(&self, account_sid: AccountSid) -> AccountKeys {
        AccountKeys(self.0.iter().map(|key| key.account(account_sid)).collect())
    }
}

/// The ring of one account. Does not print. Made in half a microsecond a key; a [`Maker`](super::Maker) keeps some.
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
    fn a_key_has_32_bytes_and_does_not_print() {
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
    fn a_ring_has_one_to_four_different_keys() {
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
    fn the_same_value_has_a_digest_for_each_account_and_signal() {
        let key = FingerprintKey::new(vec![7; 32]).unwrap();
        let (one, two) = (key.account(AccountSid::from_bits(1)), key.account(AccountSid::from_bits(2)));
        let digest = one.digest(Signal::AudioDecoder, b"1");
        assert_eq!(digest, key.account(AccountSid::from_bits(1)).digest(Signal::AudioDecoder, b"1"));
        assert_ne!(digest, two.digest(Signal::AudioDecoder, b"1"));
        assert_ne!(digest, one.digest(Signal::VideoDecoder, b"1"));
        assert_ne!(digest, one.digest(Signal::AudioDecoder, b"0"));
    }
}
