//! The fingerprint: which browser, page and deployment a token was made for, as one opaque string (contract,
//! section 8). FlexWebchatOrchestratorService reads [`Signals`] from a request ([`evidence`], [`signals`]) and turns
//! them into a [`Fingerprint`] with its keys ([`generate()`], [`Maker`]); ScopedAuthService compares two of them without any key
//! ([`judge()`]). What may change, and how much of it, stands in [`policy`] alone.

mod browser;
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

/// A fingerprint as it travels: opaque text that does not print.
#[derive(Clone, PartialEq, Eq)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// The longest text that is taken for a fingerprint, in bytes.
    pub const MAX_LEN: usize = 512;

    /// Takes `text` as a fingerprint, unless it is over-long or has characters that none has.
    pub fn new(text: String) -> Option<Self> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b'~');
        // Without an end at the first that is not, so that many are looked at at once.
        let all_plain = |text: &str| text.bytes().fold(true, |so_far, byte| so_far & plain(byte));
        (!text.is_empty() && text.len() <= Self::MAX_LEN && all_plain(&text)).then_some(Self(text))
    }

    /// Its preferred record alone, made with the active key: what is kept of it, in a token or beside a conversation.
    #[must_use]
    pub fn preferred(&self) -> Self {
        Self(self.0.split(record::SEPARATOR).next().unwrap_or_default().to_owned())
    }

    /// What the account wants done where it is refused. One that cannot be read is not for anybody to serve.
    pub fn mode(&self) -> Mode {
        record::Record::unfold_all(self).next().map_or(Mode::Enforce, |record| record.mode)
    }

    /// The text; never to be logged.
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
