//! Enum of the signals, and sets of them: those that held, drifted or broke, for the audit log.

use std::fmt;

use serde::{Serialize, Serializer};

macro_rules! signals {
    ($($variant:ident $name:literal $digest_len:literal $doc:literal)*) => {
        /// A trait of a browser, a page or a session. The order is part of the format `fp2`: a signal's discriminant
        /// is digested with its value and selects its presence bit, and the digests are written in this order.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Signal {
            $(#[doc = $doc] $variant,)*
        }

        impl Signal {
            /// All signals, in the order of the format.
            pub const ALL: [Self; Self::COUNT] = [$(Self::$variant),*];
            /// Number of signals.
            pub const COUNT: usize = [$($name),*].len();

            /// The name in logs.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// Length of the truncated digest in a fingerprint, in bytes. 0 for signals stored as a number.
            pub(super) const fn digest_len(self) -> usize {
                match self { $(Self::$variant => $digest_len,)* }
            }
        }
    };
}

// Digest lengths. Soft signals: 4 bytes, because a mismatch costs a thief only some points. Decisive signals: 6 bytes,
// because they must not match by chance. The login timestamp: 8 bytes, because it is the only value that a thief has to
// guess.
signals! {
    Family           "family"            6 "The browser family: the product names of the User-Agent."
    OperatingSystem  "operating_system"  6 "The operating system, from the User-Agent."
    Mobile           "mobile"            6 "Whether the browser reports that it is mobile."
    Origin           "origin"            6 "The page's origin."
    DeploymentKey    "deployment_key"    6 "The deployment key."
    LoginTimestamp   "login_timestamp"   8 "The widget's `loginTimestamp`: a nonce of the session, not a trait."
    MajorVersion     "major_version"     0 "The browser's major version."
    HintedVersion    "hinted_version"    0 "The engine's major version, from the client hints."
    Timezone         "timezone"          0 "The offset from UTC in minutes."
    Brand            "brand"             4 "The browser's brand, from the client hints."
    Platform         "platform"          4 "The operating system, from the client hints."
    AcceptLanguage   "accept_language"   4 "The primary language of `Accept-Language`."
    SettingsLanguage "settings_language" 4 "The primary language that the widget reports."
    AcceptEncoding   "accept_encoding"   4 "The content codings of `Accept-Encoding`."
    CookieEnabled    "cookie_enabled"    4 "Whether cookies are enabled."
    AudioDecoder     "audio_decoder"     4 "Whether the widget's audio probe is supported."
    VideoDecoder     "video_decoder"     4 "Whether the widget's video probe is supported."
    Network          "network"           4 "The client's network: an IPv4 /24 or an IPv6 /48."
}

impl Signal {
    pub(super) const fn bit(self) -> u32 {
        1 << self as u32
    }
}

/// A set of signals.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct SignalSet(u32);

impl SignalSet {
    /// The empty set.
    pub const EMPTY: Self = Self(0);

    /// The set of `signals`.
    pub fn of(signals: &[Signal]) -> Self {
        Self(signals.iter().fold(0, |bits, signal| bits | signal.bit()))
    }

    /// Whether `signal` is in the set.
    pub const fn contains(self, signal: Signal) -> bool {
        self.0 & signal.bit() != 0
    }

    /// Whether the set is empty.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The signals in the set, in the order of the format.
    pub fn iter(self) -> impl Iterator<Item = Signal> {
        Signal::ALL.into_iter().filter(move |signal| self.contains(*signal))
    }

    /// The signals in either set.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The signals in this set but not in `other`: the set difference.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The signals in both sets.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Number of signals in the set.
    pub const fn len(self) -> u32 {
        self.0.count_ones()
    }

    pub(super) const fn with(self, signal: Signal) -> Self {
        Self(self.0 | signal.bit())
    }

    pub(super) fn insert(&mut self, signal: Signal) {
        self.0 |= signal.bit();
    }

    pub(super) fn remove(&mut self, signal: Signal) {
        self.0 &= !signal.bit();
    }

    pub(super) const fn bits(self) -> u32 {
        self.0
    }

    /// The set with these bits. `None` if a bit belongs to no signal.
    pub(super) const fn from_bits(bits: u32) -> Option<Self> {
        if bits >> Signal::COUNT == 0 { Some(Self(bits)) } else { None }
    }
}

/// The names, separated by commas. Empty text for the empty set.
impl fmt::Display for SignalSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, signal) in self.iter().enumerate() {
            if place > 0 {
                f.write_str(",")?;
            }
            f.write_str(signal.name())?;
        }
        Ok(())
    }
}

impl fmt::Debug for SignalSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{self}}}")
    }
}

/// Serialises as an array of names.
impl Serialize for SignalSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(Signal::name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_displays_and_serialises_as_names() {
        let set = SignalSet::of(&[Signal::Network, Signal::Family]);
        assert_eq!(set.to_string(), "family,network");
        assert_eq!(serde_json::to_string(&set).unwrap(), r#"["family","network"]"#);
        assert!(set.contains(Signal::Network) && !set.contains(Signal::Brand));
        assert!(SignalSet::EMPTY.is_empty() && SignalSet::EMPTY.to_string().is_empty());
    }

    #[test]
    fn unknown_bits_are_rejected() {
        let all = SignalSet::of(&Signal::ALL);
        assert_eq!(SignalSet::from_bits(all.bits()), Some(all));
        assert_eq!(all.iter().count(), Signal::COUNT);
        assert_eq!(SignalSet::from_bits(all.bits() + 1), None);
    }
}
