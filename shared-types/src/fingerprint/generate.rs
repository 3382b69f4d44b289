//! `FWO ->> FWO: Generating Fingerprint`, its second half: signals become a keyed string. Each value is digested on
//! its own with HMAC-SHA256 under a key of the account, so that nobody else can recompute a fingerprint, and the same
//! browser's fingerprints at two accounts have nothing in common.

use std::fmt;

use base64::{
    Engine as _,
    alphabet::URL_SAFE,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use ring::hmac;
use zeroize::Zeroizing;

use super::{
    Fingerprint, Sensitivity, Signal, Signals,
    record::{Digest, Record},
};
use crate::ids::AccountSid;

/// Set apart from all other uses of the same key, and from later versions of this one.
const PURPOSE: &[u8] = b"webchat-fingerprint-v1";

/// Base64url with or without padding: tools that make keys differ in it.
const BASE64URL: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A fingerprint key is not base64url, or too short. Does not repeat what was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected at least 32 bytes in base64url")]
pub struct MalformedKey;

/// The secret that all fingerprints are made with (`ORCHESTRATOR_FINGERPRINT_KEY`). Does not print; wiped when dropped.
#[derive(Clone)]
pub struct FingerprintKey(Zeroizing<Vec<u8>>);

impl FingerprintKey {
    /// The fewest bytes: as many as a digest has.
    pub const MIN_LEN: usize = 32;

    /// Takes at least 32 bytes, which must be random.
    pub fn new(secret: Vec<u8>) -> Result<Self, MalformedKey> {
        let secret = Zeroizing::new(secret);
        if secret.len() < Self::MIN_LEN { Err(MalformedKey) } else { Ok(Self(secret)) }
    }

    /// Reads a key from base64url, padded or not.
    pub fn from_base64url(text: &str) -> Result<Self, MalformedKey> {
        let mut secret = Vec::with_capacity(text.len());
        match BASE64URL.decode_vec(text, &mut secret) {
            Ok(()) => Self::new(secret),
            Err(_) => {
                drop(Zeroizing::new(secret));
                Err(MalformedKey)
            }
        }
    }

    /// The key of one account: HMAC-SHA256 over `webchat-fingerprint-v1` and the sid.
    pub fn account(&self, account_sid: AccountSid) -> AccountKey {
        let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, &self.0));
        context.update(PURPOSE);
        context.update(account_sid.to_string().as_bytes());
        AccountKey(hmac::Key::new(hmac::HMAC_SHA256, context.sign().as_ref()))
    }
}

impl fmt::Debug for FingerprintKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FingerprintKey(…)")
    }
}

/// The key of one account's fingerprints. Does not print. Made in a microsecond; may be kept as long as the account's
/// configuration.
#[derive(Clone)]
pub struct AccountKey(hmac::Key);

impl AccountKey {
    fn digest(&self, signal: Signal, value: &[u8]) -> Digest {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(&[signal as u8]);
        context.update(value);
        let tag = context.sign();
        let mut digest = Digest::default();
        for (to, from) in digest.iter_mut().zip(tag.as_ref()).take(signal.digest_len()) {
            *to = *from;
        }
        digest
    }
}

impl fmt::Debug for AccountKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccountKey(…)")
    }
}

/// The fingerprint of `signals` for one account, to be judged at the account's `sensitivity`.
pub fn generate(key: &AccountKey, signals: &Signals<'_>, sensitivity: Sensitivity) -> Fingerprint {
    let mut record = Record::new(sensitivity);
    for (signal, digest) in Signal::ALL.into_iter().zip(&mut record.digests) {
        let present = with_value(signal, signals, |value| *digest = key.digest(signal, value));
        if present {
            record.present.insert(signal);
        }
    }
    record.major = signals.major.unwrap_or_default();
    record.timezone = signals.timezone.unwrap_or_default();
    record.fold()
}

/// Gives the value of `signal` to `digest`, if it is there and of a kind that is digested. Says whether it is there.
fn with_value(signal: Signal, signals: &Signals<'_>, digest: impl FnOnce(&[u8])) -> bool {
    let value = match signal {
        Signal::Family => Some(signals.family.as_bytes()),
        Signal::OperatingSystem => text(signals.operating_system),
        Signal::Mobile => flag(Some(signals.mobile)),
        Signal::Origin => signals.origin.as_deref(),
        Signal::DeploymentKey => {
            digest(signals.deployment_key.to_string().as_bytes());
            return true;
        }
        Signal::LoginTimestamp => text(signals.login_timestamp.as_deref()),
        Signal::MajorVersion => return signals.major.is_some(),
        Signal::Timezone => return signals.timezone.is_some(),
        Signal::Brand => text(signals.brand),
        Signal::Platform => text(signals.platform),
        Signal::AcceptLanguage => signals.accept_language.as_ref().map(|language| language.0.as_slice()),
        Signal::SettingsLanguage => signals.settings_language.as_ref().map(|language| language.0.as_slice()),
        Signal::AcceptEncoding => {
            signals.accept_encoding.as_ref().map(|codings| std::slice::from_ref(&codings.0))
        }
        Signal::CookieEnabled => flag(signals.cookie_enabled),
        Signal::AudioDecoder => flag(signals.audio),
        Signal::VideoDecoder => flag(signals.video),
        Signal::Network => signals.network.as_ref().map(|network| network.0.as_slice()),
    };
    value.map(digest).is_some()
}

fn text(value: Option<&str>) -> Option<&[u8]> {
    value.map(str::as_bytes)
}

fn flag(value: Option<bool>) -> Option<&'static [u8]> {
    value.map(|value| if value { b"1".as_slice() } else { b"0" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_32_bytes_and_does_not_print() {
        let secret = "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2U";
        for text in [secret.to_owned(), format!("{secret}=")] {
            let key = FingerprintKey::from_base64url(&text).unwrap();
            assert_eq!(key.0.as_slice(), b"secretsecretsecretsecretsecretse");
            assert_eq!(format!("{key:?}"), "FingerprintKey(…)");
            assert_eq!(format!("{:?}", key.account(AccountSid::from_bits(1))), "AccountKey(…)");
        }
        for text in ["", "c2VjcmV0", &secret[..42], "c2VjcmV0c2VjcmV0+2VjcmV0c2VjcmV0c2VjcmV0c2U", "!"] {
            assert_eq!(FingerprintKey::from_base64url(text).unwrap_err(), MalformedKey, "{text}");
        }
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
