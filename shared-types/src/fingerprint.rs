//! The fingerprint: one opaque string that identifies the browser, page and deployment that a token was made for
//! (contract, section 8). FlexWebchatOrchestratorService reads [`Signals`] from a request ([`evidence`], [`signals`])
//! and computes a [`Fingerprint`] with its keys ([`generate()`], [`Maker`]). ScopedAuthService compares two
//! fingerprints without any key ([`judge()`]). Only [`policy`] defines what may change, and by how much.

mod client_hints;
mod compare;
pub mod evidence;
pub mod generate;
pub mod judge;
mod keys;
mod maker;
mod mode;
pub mod policy;
mod record;
mod sensitivity;
mod signal;
pub mod signals;
mod user_agent;
mod widget;

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

pub use evidence::Evidence;
pub use generate::generate;
pub use judge::{BoundFingerprint, Comparison, Verdict, judge};
pub use keys::{AccountKeys, FingerprintKey, FingerprintKeys, MalformedKeys};
pub use maker::Maker;
pub use mode::Mode;
pub use sensitivity::Sensitivity;
pub use signal::{Signal, SignalSet};
pub use signals::{Signals, Unavailable};
pub use user_agent::{Counting, Faces};

/// A fingerprint in its wire format: opaque text. `Debug` redacts it.
#[derive(Clone, PartialEq, Eq)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// Maximum length, in bytes.
    pub const MAX_LEN: usize = 512;

    /// Validates `text` as a fingerprint. `None` if it is empty, longer than [`Self::MAX_LEN`] or has a character that
    /// the format does not use.
    pub fn new(text: String) -> Option<Self> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b'~');
        // No early exit, so the compiler can vectorise the loop.
        let all_plain = |text: &str| text.bytes().fold(true, |so_far, byte| so_far & plain(byte));
        (!text.is_empty() && text.len() <= Self::MAX_LEN && all_plain(&text)).then_some(Self(text))
    }

    /// The fingerprint reduced to its preferred record, the one made with the active key. This is what a token or a
    /// conversation stores.
    #[must_use]
    pub fn preferred(&self) -> Self {
        Self(self.0.split(record::SEPARATOR).next().unwrap_or_default().to_owned())
    }

    /// The fingerprint of a request that a page sends to another service, without the widget's headers. With a proof by the
    /// session's key, the missing ones have no effect (contract, section 13); without it, nothing changes.
    #[must_use]
    pub fn with_optional_widget(&self) -> Self {
        let records = record::Record::decode_all(self);
        record::Record::encode_all(
            records.map(|record| record::Record { widget_is_optional: true, ..record }),
        )
    }

    /// The account's [`Mode`] for a rejected fingerprint. Fails closed: [`Mode::Enforce`] if no record can be decoded.
    pub fn mode(&self) -> Mode {
        record::Record::decode_all(self).next().map_or(Mode::Enforce, |record| record.mode)
    }

    /// Whether it shows as many counted signals as `level` asks of a new session (contract, section 8).
    pub fn has_enough_signals(&self, level: Sensitivity) -> bool {
        judge::has_enough_signals(self, level)
    }

    /// The text. Never log it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<Fingerprint> for String {
    fn from(fingerprint: Fingerprint) -> Self {
        fingerprint.0
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fingerprint(…)")
    }
}

impl Serialize for Fingerprint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Fingerprint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Fingerprint::new(String::deserialize(deserializer)?)
            .ok_or_else(|| de::Error::custom("expected a fingerprint"))
    }
}
