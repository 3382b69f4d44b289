//! The format: `fp1.<l|m|h>.<payload>`, the payload in base64url without padding. It is, in this order and big-endian:
//! which signals are present (u32, one bit each), the major version (u16), the timezone (i16), then every other
//! signal's truncated digest in the order of [`Signal::ALL`], zeros where it is absent. All are 116 characters long.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use super::{Fingerprint, Sensitivity, Signal, SignalSet};

const VERSION: &str = "fp1";
const PAYLOAD_LEN: usize = {
    let mut len = 4 + 2 + 2;
    let mut place = 0;
    while place < Signal::COUNT {
        #[allow(clippy::indexing_slicing, reason = "evaluated by the compiler")]
        let signal = Signal::ALL[place];
        len += signal.digest_len();
        place += 1;
    }
    len
};

/// The longest digest that a fingerprint holds; shorter ones are filled up with zeros.
pub(super) type Digest = [u8; 8];

/// A fingerprint, unfolded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) sensitivity: Sensitivity,
    pub(super) present: SignalSet,
    pub(super) major: u16,
    pub(super) timezone: i16,
    /// In the order of [`Signal::ALL`].
    pub(super) digests: [Digest; Signal::COUNT],
}

impl Record {
    pub(super) fn new(sensitivity: Sensitivity) -> Self {
        Self {
            sensitivity,
            present: SignalSet::EMPTY,
            major: 0,
            timezone: 0,
            digests: [[0; 8]; Signal::COUNT],
        }
    }

    /// Writes the record as a fingerprint.
    pub(super) fn fold(&self) -> Fingerprint {
        let digests = Signal::ALL.into_iter().zip(self.digests);
        let bytes = (self.present.bits().to_be_bytes().into_iter())
            .chain(self.major.to_be_bytes())
            .chain(self.timezone.to_be_bytes())
            .chain(digests.flat_map(|(signal, digest)| digest.into_iter().take(signal.digest_len())));
        let mut payload = [0; PAYLOAD_LEN];
        for (place, byte) in payload.iter_mut().zip(bytes) {
            *place = byte;
        }
        let mut text = String::with_capacity(128);
        text.extend([VERSION, ".", self.sensitivity.letter(), "."]);
        URL_SAFE_NO_PAD.encode_string(payload, &mut text);
        Fingerprint(text)
    }

    /// Reads a fingerprint; `None` if it is of another version or not of the format.
    pub(super) fn unfold(fingerprint: &Fingerprint) -> Option<Self> {
        let (letter, payload) =
            fingerprint.as_str().strip_prefix(VERSION)?.strip_prefix('.')?.split_once('.')?;
        let mut record = Self::new(Sensitivity::from_letter(letter)?);

        // Room for a whole last quantum, which the decoder asks for.
        let mut buffer = [0; PAYLOAD_LEN.next_multiple_of(3)];
        let len = URL_SAFE_NO_PAD.decode_slice(payload, &mut buffer).ok()?;
        let (present, rest) = buffer.get(..len)?.split_first_chunk()?;
        let (major, rest) = rest.split_first_chunk()?;
        let (timezone, mut rest) = rest.split_first_chunk()?;
        for (signal, place) in Signal::ALL.into_iter().zip(&mut record.digests) {
            let (digest, after) = rest.split_at_checked(signal.digest_len())?;
            for (to, from) in place.iter_mut().zip(digest) {
                *to = *from;
            }
            rest = after;
        }
        record.present = SignalSet::from_bits(u32::from_be_bytes(*present))?;
        record.major = u16::from_be_bytes(*major);
        record.timezone = i16::from_be_bytes(*timezone);
        rest.is_empty().then_some(record)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    prop_compose! {
        fn any_record()(
            level in 0..3usize,
            bits in 0..1u32 << Signal::COUNT,
            major: u16,
            timezone: i16,
            digests: [Digest; Signal::COUNT],
        ) -> Record {
            let mut digests = digests;
            for (signal, digest) in Signal::ALL.into_iter().zip(&mut digests) {
                digest[signal.digest_len()..].fill(0);
            }
            let present = SignalSet::from_bits(bits).unwrap();
            Record { sensitivity: Sensitivity::ALL[level], present, major, timezone, digests }
        }
    }

    proptest! {
        #[test]
        fn what_is_folded_unfolds(record in any_record()) {
            let fingerprint = record.fold();
            prop_assert_eq!(fingerprint.as_str().len(), 116);
            prop_assert_eq!(Record::unfold(&fingerprint), Some(record));
        }

        #[test]
        fn what_is_unfolded_folds(text in "fp1\\.[lmh]\\.AA[A-H][A-Za-z0-9_-]{106}[AQgw]") {
            let fingerprint = Fingerprint::new(text).unwrap();
            prop_assert_eq!(Record::unfold(&fingerprint).unwrap().fold(), fingerprint);
        }

        #[test]
        fn no_text_makes_it_panic(text in "(fp1\\.[lmhx]\\.)?[A-Za-z0-9._-]{1,512}") {
            if let Some(fingerprint) = Fingerprint::new(text) {
                let _ = Record::unfold(&fingerprint);
            }
        }
    }

    #[test]
    fn other_formats_are_not_read() {
        let good = Record::new(Sensitivity::Low).fold().as_str().to_owned();
        let unfold = |text: String| Record::unfold(&Fingerprint::new(text).unwrap());
        assert!(unfold(good.clone()).is_some());
        for bad in [
            good.replace("fp1", "fp2"),
            good.replace("fp1.l", "fp1.x"),
            good.replace("fp1.l.", "fp1."),
            good.replace("fp1.l.A", "fp1.l._"),
            format!("{good}A"),
            format!("{good}AAAA"),
            good[..good.len() - 1].to_owned(),
            format!("{}B", &good[..good.len() - 1]),
        ] {
            assert_eq!(unfold(bad.clone()), None, "{bad}");
        }
    }
}
