//! `FWO ->> FWO: Generating Fingerprint`, its second half: signals become a keyed string. Each value is digested on
//! its own with HMAC-SHA256 under a key of the account, so that nobody else can recompute a fingerprint, and the same
//! browser's fingerprints at two accounts have nothing in common.

use super::{
    Fingerprint, Mode, Sensitivity, Signal, Signals,
    keys::{AccountKey, AccountKeys},
    record::{Digest, Record},
};

/// The fingerprint of `signals` for one account, to be judged at the account's `sensitivity` and served by its `mode`:
/// once under every key of the ring.
pub fn generate(
    keys: &AccountKeys,
    signals: &Signals<'_>,
    sensitivity: Sensitivity,
    mode: Mode,
) -> Fingerprint {
    Record::fold_all(keys.iter().map(|key| Record { sensitivity, mode, ..record(key, signals) }))
}

/// The record of `signals` under `key`, at the default level and mode.
pub(super) fn record(key: &AccountKey, signals: &Signals<'_>) -> Record {
    let mut record = Record::new(Sensitivity::default(), Mode::default());
    record.key_id = key.id;
    record.major = signals.major.unwrap_or_default();
    record.hinted = signals.hinted.unwrap_or_default();
    record.timezone = signals.timezone.unwrap_or_default();
    digest_into(key, signals, &Signal::ALL, &mut record);
    record
}

/// Draws those of `signals` that are `chosen` into `record`, in the place of what it had of them.
pub(super) fn digest_into(key: &AccountKey, signals: &Signals<'_>, chosen: &[Signal], record: &mut Record) {
    for signal in chosen {
        let mut digest = Digest::default();
        let present = with_value(*signal, signals, |value| digest = key.digest(*signal, value));
        record.set(*signal, present.then_some(digest));
    }
}

/// Gives the value of `signal` to `digest`, if it is there and of a kind that is digested. Says whether it is there.
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
