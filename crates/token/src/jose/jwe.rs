//! The encrypted form: compact JWE with `dir` and `A256GCM` (RFC 7516, section 7.1; RFC 7518, sections 4.5 and 5.3).

use std::hint::black_box;

use memchr::memchr_iter;
use shared_types::SealedToken;

use super::{base64url, header};
use crate::crypto::{CryptoError, Subkey};

/// The bytes of a GCM tag (RFC 7518, section 5.3).
const TAG_LEN: usize = 16;

/// Seals `payload` under `subkey`, whose tokens have this `header` and for which `nonce` was never used.
pub(crate) fn seal(
    subkey: &Subkey,
    header: &str,
    nonce: [u8; 12],
    mut payload: Vec<u8>,
) -> Result<String, CryptoError> {
    let tag = subkey.seal(nonce, header.as_bytes(), &mut payload)?;
    // The nonce, the tag and the dots are 42 characters.
    let mut token = String::with_capacity(header.len() + 42 + base64url::encoded_len(payload.len()));
    token.push_str(header);
    // `dir` has an empty encrypted key.
    token.push_str("..");
    base64url::encode(nonce, &mut token);
    token.push('.');
    base64url::encode(payload, &mut token);
    token.push('.');
    base64url::encode(tag, &mut token);
    Ok(token)
}

/// Opens `token` within `buffer`, under the key that `subkey_of` finds for its `kid`, beside something else; returns
/// both with the payload.
///
/// The answer says nothing of why a token does not open, and neither does its time: whatever is wrong, a key is derived
/// and as many bytes are opened as if the tag alone were. What cannot be taken from the token stands in for it: the key
/// of `any_subkey`, a nonce of zeros, a text of the same length. Otherwise a stranger could tell a `kid` that is listed
/// from one that is not, and try out the rules one by one (RFC 8725, section 3.2, of oracles). [`SealedToken::MAX_LEN`]
/// is the most that this can be made to cost.
pub(crate) fn open<'a, T>(
    token: &str,
    buffer: &'a mut Vec<u8>,
    subkey_of: impl FnOnce(&str) -> Option<(Subkey, T)>,
    any_subkey: impl FnOnce() -> Option<Subkey>,
) -> Option<(&'a [u8], (Subkey, T))> {
    let parts = Parts::of(token);
    let header = parts.map_or(header::STAND_IN, |parts| parts.header);
    match header::read_jwe(header, subkey_of) {
        Some(found) => open_parts(&found.0, parts, token, buffer).map(|payload| (payload, found)),
        None => {
            black_box(open_parts(&any_subkey()?, parts, token, buffer));
            None
        }
    }
}

/// Opens `token` under the `subkey` that is known to be that of its header. Who holds a good token saves the deriving.
/// One that does not open takes all the work that it takes in [`open`], or else its time would tell that the subkey is
/// known.
pub(crate) fn open_with<'a, T>(
    subkey: &Subkey,
    token: &str,
    buffer: &'a mut Vec<u8>,
    subkey_of: impl FnOnce(&str) -> Option<(Subkey, T)>,
    any_subkey: impl FnOnce() -> Option<Subkey>,
) -> Option<&'a [u8]> {
    let parts = Parts::of(token);
    let opened = open_parts(subkey, parts, token, buffer);
    if opened.is_none() {
        let header = parts.map_or(header::STAND_IN, |parts| parts.header);
        black_box(header::read_jwe(header, subkey_of).map(|found| found.0).or_else(any_subkey));
    }
    opened
}

/// Opens `parts`, or as much as the token is long if it has none.
fn open_parts<'a>(
    subkey: &Subkey,
    parts: Option<Parts<'_>>,
    token: &str,
    buffer: &'a mut Vec<u8>,
) -> Option<&'a [u8]> {
    let Parts { header, nonce, text, tag } = parts.unwrap_or_else(|| Parts::in_place_of(token));
    let nonce = base64url::decode_array(nonce);
    buffer.clear();
    buffer.reserve(text.len());
    let sealed = decode(text, tag, buffer);
    let sound = parts.is_some() && nonce.is_some() && sealed.is_some();
    if sealed.is_none() {
        buffer.clear();
        decode(stand_in_text(text.len()), STAND_IN_TAG, buffer)?;
    }
    // The header is authenticated as it was written, not as it was read (RFC 7516, section 5.2, step 15).
    let opened = subkey.open(nonce.unwrap_or_default(), header.as_bytes(), buffer).ok();
    opened.filter(|_| sound)
}

#[derive(Clone, Copy)]
struct Parts<'a> {
    header: &'a str,
    nonce: &'a str,
    text: &'a str,
    tag: &'a str,
}

impl<'a> Parts<'a> {
    /// Parts of the lengths that those of a token have, since it is the text that the work is measured by.
    fn of(token: &'a str) -> Option<Self> {
        let (mut parts, mut count, mut start) = ([""; 5], 0, 0);
        for end in memchr_iter(b'.', token.as_bytes()).chain([token.len()]) {
            *parts.get_mut(count)? = token.get(start..end)?;
            (count, start) = (count + 1, end + 1);
        }
        let [header, key, nonce, text, tag] = parts;
        let sound = count == parts.len()
            && token.len() <= SealedToken::MAX_LEN
            && header.len() <= header::MAX_TEXT_LEN
            // `dir` has an empty encrypted key.
            && key.is_empty()
            && nonce.len() == STAND_IN_NONCE.len()
            && tag.len() == STAND_IN_TAG.len();
        sound.then_some(Self { header, nonce, text, tag })
    }

    /// Parts of about the lengths that a token as long as this has.
    fn in_place_of(token: &str) -> Self {
        let others = header::STAND_IN.len() + STAND_IN_NONCE.len() + STAND_IN_TAG.len() + 4;
        Self {
            header: header::STAND_IN,
            nonce: STAND_IN_NONCE,
            text: stand_in_text(token.len().saturating_sub(others)),
            tag: STAND_IN_TAG,
        }
    }
}

const STAND_IN_NONCE: &str = "AAAAAAAAAAAAAAAA";
const STAND_IN_TAG: &str = "AAAAAAAAAAAAAAAAAAAAAA";

/// As many bytes as can be asked for, all zero.
const ZEROS: &str = match str::from_utf8(&[b'A'; SealedToken::MAX_LEN]) {
    Ok(text) => text,
    Err(_) => "",
};

/// About as many characters as are asked for, which stand for bytes.
fn stand_in_text(len: usize) -> &'static str {
    ZEROS.get(..len / 4 * 4).unwrap_or(ZEROS)
}

fn decode(text: &str, tag: &str, buffer: &mut Vec<u8>) -> Option<()> {
    base64url::decode(text, buffer)?;
    buffer.extend_from_slice(&base64url::decode_array::<TAG_LEN>(tag)?);
    Some(())
}
