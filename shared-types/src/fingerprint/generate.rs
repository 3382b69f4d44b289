//! Computes the keyed fingerprint of signals: the second half of `FWO ->> FWO: Generating Fingerprint`. Each value is
//! digested separately with HMAC-SHA256 under a key of the account. So a fingerprint cannot be recomputed without the
//! key, and the fingerprints of one browser at two accounts cannot be correlated.

use super::{
    Fingerprint, Mode, Sensitivity, Signal, Signals,
    keys::{AccountKey, AccountKeys},
    record::{Digest, Record},
};

/// Computes the fingerprint of `signals` for one account, with one record for every key of the ring. It carries the
/// account's `sensitivity` and `mode`, which apply when it is presented.
pub fn generate(
    keys: &AccountKeys,
    signals: &Signals<'_>,
    sensitivity: Sensitivity,
    mode: Mode,
) -> Fingerprint {
    Record::encode_all(keys.iter().map(|key| Record { sensitivity, mode, ..record(key, signals) }))
}

/// Computes the record of `signals` under `key`, with the default level and mode.
pub(super) fn record(key: &AccountKey, signals: &Signals<'_>) -> Record {
    let mut record = Record::new(Sensitivity::default(), Mode::default());
    record.key_id = key.id;
    record.major = signals.major.unwrap_or_default();
    record.hinted = signals.hinted.unwrap_or_default();
    record.timezone = signals.timezone.unwrap_or_default();
    record.counting = signals.counting;
    record.faces = signals.faces;
    record.usual = signals.usual();
    let base = signals.base_family.map(|base| key.digest(Signal::Family, base.as_bytes()));
    record.base = base.and_then(|digest| digest.first_chunk().copied()).unwrap_or_default();
    digest_into(key, signals, &Signal::ALL, &mut record);
    record
}

/// Digests the `chosen` of the `signals` under `key` into `record`, and overwrites the previous digests.
pub(super) fn digest_into(key: &AccountKey, signals: &Signals<'_>, chosen: &[Signal], record: &mut Record) {
    for signal in chosen {
        let mut digest = Digest::default();
        let present = with_value(*signal, signals, |value| digest = key.digest(*signal, value));
        record.set(*signal, present.then_some(digest));
    }
}

/// Calls `digest` with the value of `signal`, if it is present and is not stored as a number. Returns whether it is
/// present.
fn with_value(signal: Signal, signals: &Signals<'_>, digest: impl FnOnce(&[u8])) -> bool {
    let value = match signal {
        Signal::Family => Some(signals.family.as_bytes()),
        Signal::OperatingSystem => text(signals.operating_system),
        Signal::Mobile => flag(Some(signals.mobile)),
        Signal::Origin => signals.origin.as_deref(),
        Signal::DeploymentKey => {
            digest(signals.deployment_key.text().as_bytes());
            return true;
        }
        Signal::LoginTimestamp => text(signals.login_timestamp.as_deref()),
        Signal::MajorVersion => return signals.major.is_some(),
        Signal::HintedVersion => return signals.hinted.is_some(),
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
