//! The wire format. A fingerprint is one to four records, joined by `~`: one for each key, or version, of the encoder,
//! the preferred one first. A record is `fp2.<l|m|h><e|s>.<payload>`: level and mode in plaintext (`E` or `S` if the
//! widget's signals are optional, see [`Fingerprint::with_optional_widget`]), the payload in base64url without padding. The payload contains, in this order and big-endian: the key id (2 bytes), the presence
//! bits (3 bytes, one bit for each signal), the traits (1 byte: counting, faces, and which of four signals have their
//! usual value), the major version and the hinted version (u16 each), the timezone (i16), the truncated digest of the
//! base family (4 bytes, zeros without one), then the truncated digest of every other signal in the order of
//! [`Signal::ALL`], zeros if it is absent. Every record is 127 characters long.
//!
//! A later version has another word before the first dot. Decoders skip records of unknown versions, so a fingerprint
//! can hold two versions for as long as sessions that were sealed with the older one exist.

use std::mem;

use base64_simd::{Out, URL_SAFE_NO_PAD};

use super::{Counting, Faces, Fingerprint, Mode, Sensitivity, Signal, SignalSet, keys::KeyId};

const VERSION: &str = "fp2";
/// Separator between records.
pub(super) const SEPARATOR: char = '~';
/// Length of a payload, in bytes: the key id, the presence bits, the traits and three numbers, then the digests.
const PAYLOAD_LEN: usize = {
    let mut len = 2 + 3 + 1 + 2 + 2 + 2 + size_of::<BaseDigest>();
    let mut place = 0;
    while place < Signal::COUNT {
        #[allow(clippy::indexing_slicing, reason = "evaluated by the compiler")]
        let signal = Signal::ALL[place];
        len += signal.digest_len();
        place += 1;
    }
    len
};

/// Length of a record, in characters: the version, two letters, two dots, the payload.
const LEN: usize = VERSION.len() + 4 + (PAYLOAD_LEN * 4).div_ceil(3);

/// A truncated digest, of the maximum length. Shorter digests are padded with zeros.
pub(super) type Digest = [u8; 8];

/// The start of the digest of a base family: a chance match is worth another face at most.
pub(super) type BaseDigest = [u8; 4];

/// The signals with a usual value, in the order of their bits in the traits.
const USUAL: [Signal; 4] =
    [Signal::AcceptEncoding, Signal::CookieEnabled, Signal::AudioDecoder, Signal::VideoDecoder];

/// A decoded record of a fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) sensitivity: Sensitivity,
    pub(super) mode: Mode,
    /// Whether the request may lack the widget's headers, given a proof by the session's key.
    pub(super) widget_is_optional: bool,
    pub(super) key_id: KeyId,
    pub(super) present: SignalSet,
    /// The signals that have a value that most browsers send.
    pub(super) usual: SignalSet,
    pub(super) counting: Counting,
    pub(super) faces: Faces,
    pub(super) base: BaseDigest,
    pub(super) major: u16,
    pub(super) hinted: u16,
    pub(super) timezone: i16,
    /// In the order of [`Signal::ALL`].
    pub(super) digests: [Digest; Signal::COUNT],
}

impl Record {
    pub(super) fn new(sensitivity: Sensitivity, mode: Mode) -> Self {
        Self {
            sensitivity,
            mode,
            widget_is_optional: false,
            key_id: KeyId::default(),
            present: SignalSet::EMPTY,
            usual: SignalSet::EMPTY,
            counting: Counting::default(),
            faces: Faces::default(),
            base: BaseDigest::default(),
            major: 0,
            hinted: 0,
            timezone: 0,
            digests: [[0; 8]; Signal::COUNT],
        }
    }

    /// Sets the digest of `signal` (zeros for a signal stored as a number), or marks the signal as absent.
    pub(super) fn set(&mut self, signal: Signal, digest: Option<Digest>) {
        match digest {
            Some(_) => self.present.insert(signal),
            None => self.present.remove(signal),
        }
        if let Some(place) = self.digests.get_mut(signal as usize) {
            *place = digest.unwrap_or_default();
        }
    }

    /// Bits 0 and 1: the counting; 2 and 3: the faces; 4 to 7: the signals with their usual value.
    fn traits(&self) -> u8 {
        let counting = match self.counting {
            Counting::FourWeekly => 0,
            Counting::Yearly => 1,
            Counting::Weekly => 2,
        };
        let faces = match self.faces {
            Faces::One => 0,
            Faces::Android => 4,
            Faces::Apple => 8,
        };
        let usual = USUAL.into_iter().zip(4..).filter(|(signal, _)| self.usual.contains(*signal));
        usual.fold(counting | faces, |traits, (_, bit)| traits | 1 << bit)
    }

    fn set_traits(&mut self, traits: u8) -> Option<()> {
        self.counting = match traits & 3 {
            0 => Counting::FourWeekly,
            1 => Counting::Yearly,
            2 => Counting::Weekly,
            _ => return None,
        };
        self.faces = match traits & 12 {
            0 => Faces::One,
            4 => Faces::Android,
            8 => Faces::Apple,
            _ => return None,
        };
        for (signal, bit) in USUAL.into_iter().zip(4..) {
            if traits & 1 << bit != 0 {
                self.usual.insert(signal);
            }
        }
        Some(())
    }

    /// Encodes records as a fingerprint.
    pub(super) fn encode_all(records: impl Iterator<Item = Self>) -> Fingerprint {
        let mut text = String::with_capacity(LEN + 1);
        for record in records {
            if !text.is_empty() {
                text.push(SEPARATOR);
            }
            record.encode(&mut text);
        }
        Fingerprint(text)
    }

    fn encode(&self, text: &mut String) {
        let mut payload = [0; PAYLOAD_LEN];
        let mut rest = payload.as_mut_slice();
        let mut put = |bytes: &[u8]| {
            if let Some((place, after)) = mem::take(&mut rest).split_at_mut_checked(bytes.len()) {
                place.copy_from_slice(bytes);
                rest = after;
            }
        };
        put(&self.key_id);
        let [_, present @ ..] = self.present.bits().to_be_bytes();
        put(&present);
        put(&[self.traits()]);
        put(&self.major.to_be_bytes());
        put(&self.hinted.to_be_bytes());
        put(&self.timezone.to_be_bytes());
        put(&self.base);
        for (signal, digest) in Signal::ALL.into_iter().zip(&self.digests) {
            put(digest.split_at(signal.digest_len()).0);
        }
        text.extend([
            VERSION,
            ".",
            self.sensitivity.letter(),
            self.mode.letter(self.widget_is_optional),
            ".",
        ]);
        URL_SAFE_NO_PAD.encode_append(payload, text);
    }

    /// Decodes the records of a fingerprint. Skips records of other versions and malformed ones.
    pub(super) fn decode_all(fingerprint: &Fingerprint) -> impl Iterator<Item = Self> {
        fingerprint.as_str().split(SEPARATOR).filter_map(Self::decode)
    }

    fn decode(text: &str) -> Option<Self> {
        let (head, payload) = text.strip_prefix(VERSION)?.strip_prefix('.')?.split_once('.')?;
        let (level, mode) = head.split_at_checked(1)?;
        let (mode, widget_is_optional) = Mode::from_letter(mode)?;
        let mut record = Self { widget_is_optional, ..Self::new(Sensitivity::from_letter(level)?, mode) };

        let mut buffer = [0; PAYLOAD_LEN];
        if URL_SAFE_NO_PAD.decoded_length(payload.as_bytes()).ok()? > buffer.len() {
            return None;
        }
        let decoded = URL_SAFE_NO_PAD.decode(payload.as_bytes(), Out::from_slice(&mut buffer)).ok()?;
        let (key_id, rest) = decoded.split_first_chunk()?;
        let (&[high, middle, low], rest) = rest.split_first_chunk()?;
        let (traits, rest) = rest.split_first()?;
        let (major, rest) = rest.split_first_chunk()?;
        let (hinted, rest) = rest.split_first_chunk()?;
        let (timezone, rest) = rest.split_first_chunk()?;
        let (base, mut rest) = rest.split_first_chunk()?;
        for (signal, place) in Signal::ALL.into_iter().zip(&mut record.digests) {
            let (digest, after) = rest.split_at_checked(signal.digest_len())?;
            place.split_at_mut(digest.len()).0.copy_from_slice(digest);
            rest = after;
        }
        record.present = SignalSet::from_bits(u32::from_be_bytes([0, high, middle, low]))?;
        record.set_traits(*traits)?;
        record.base = *base;
        record.key_id = *key_id;
        record.major = u16::from_be_bytes(*major);
        record.hinted = u16::from_be_bytes(*hinted);
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
            (level, mode, widget_is_optional) in (0..3usize, 0..2usize, any::<bool>()),
            key_id: KeyId,
            bits in 0..1u32 << Signal::COUNT,
            (traits, base) in (prop::sample::select(vec![0x00, 0x15, 0x2a, 0x46, 0x80, 0xf9]), any::<BaseDigest>()),
            (major, hinted, timezone) in any::<(u16, u16, i16)>(),
            digests: [Digest; Signal::COUNT],
        ) -> Record {
            let mut digests = digests;
            for (signal, digest) in Signal::ALL.into_iter().zip(&mut digests) {
                digest[signal.digest_len()..].fill(0);
            }
            let present = SignalSet::from_bits(bits).unwrap();
            let (sensitivity, mode) = (Sensitivity::ALL[level], Mode::ALL[mode]);
            let mut record = Record::new(sensitivity, mode);
            record.set_traits(traits).unwrap();
            Record { widget_is_optional, key_id, present, base, major, hinted, timezone, digests, ..record }
        }
    }

    fn decode(text: &str) -> Vec<Record> {
        Record::decode_all(&Fingerprint::new(text.to_owned()).unwrap()).collect()
    }

    proptest! {
        #[test]
        fn encoded_records_decode_to_the_same(records in prop::collection::vec(any_record(), 1..=4)) {
            let fingerprint = Record::encode_all(records.iter().cloned());
            prop_assert_eq!(fingerprint.as_str().len(), 128 * records.len() - 1);
            prop_assert_eq!(decode(fingerprint.as_str()), records);
        }

        #[test]
        fn decoded_text_encodes_to_the_same(text in "fp2\\.[lmh][esES]\\.[A-Za-z0-9_-]{2}[AEIMQUYcgkosw048][A-D][A-Za-z0-9_-]{116}") {
            for record in decode(&text) {
                let folded = Record::encode_all([record].into_iter());
                prop_assert_eq!(folded.as_str(), &text);
            }
        }

        #[test]
        fn arbitrary_text_does_not_panic(text in "(fp2\\.[lmhx][esx]\\.)?[A-Za-z0-9._~-]{1,512}") {
            if let Some(fingerprint) = Fingerprint::new(text) {
                let _ = Record::decode_all(&fingerprint).count();
            }
        }
    }

    #[test]
    fn malformed_and_unknown_records_are_skipped() {
        let good = Record::encode_all([Record::new(Sensitivity::Low, Mode::Enforce)].into_iter());
        let good = good.as_str();
        for bad in [
            good.replace("fp2", "fp3"),
            good.replace("fp2.le", "fp2.xe"),
            good.replace("fp2.le", "fp2.lx"),
            good.replace("fp2.le", "fp2.l"),
            good.replace("fp2.le.", "fp2."),
            good.replace("fp2.le.AAA", "fp2.le.AAB"),
            good.replace("fp2.le.AAAAAAAC", "fp2.le.AAAAAAAD"),
            good.replace("fp2.le.AAAAAAAC", "fp2.le.AAAAAAAO"),
            format!("{good}A"),
            format!("{good}AAAA"),
            good[..good.len() - 1].to_owned(),
            "fp3.anything".to_owned(),
        ] {
            assert_eq!(decode(&bad).len(), 0, "{bad}");
            assert_eq!(decode(&format!("{bad}~{good}")).len(), 1, "{bad}");
        }
        assert_eq!(decode(&format!("{good}~{good}")).len(), 2);
    }
}
