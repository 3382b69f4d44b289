//! The encrypted format: compact JWE with `dir` and `A256GCM` (RFC 7516, section 7.1; RFC 7518, sections 4.5 and 5.3).

use std::hint::black_box;

use memchr::memchr_iter;
use shared_types::SealedToken;

use super::{base64url, header};
use crate::crypto::{CryptoError, Subkey};

/// The bytes of a GCM tag (RFC 7518, section 5.3).
const TAG_LEN: usize = 16;

/// Seals `payload` under `subkey`. `header` is the encoded header of the subkey's tokens; `nonce` must never have been used
/// with this subkey.
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

/// Opens `token` in `buffer`, with the subkey that `subkey_of` finds for its `kid`; returns the payload and what
/// `subkey_of` returned.
///
/// Constant work: neither the result nor its time reveals why a token does not open. For every defect one subkey is
/// derived and as many bytes are decrypted as for a wrong tag. Unusable parts are replaced: by the subkey of `any_subkey`,
/// a nonce of zeros, a ciphertext of the same length. Otherwise an attacker could distinguish a listed `kid` from an
/// unknown one, and test the rules one by one (RFC 8725, section 3.2, on oracles). [`SealedToken::MAX_LEN`] bounds the
/// cost.
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

/// Opens `token` with the cached `subkey` of its header, which saves deriving it. A token that does not open takes the same
/// work as in [`open`]: otherwise its time would reveal that the subkey is cached.
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

/// Opens `parts`; without any, decrypts a stand-in of the token's length.
fn open_parts<'a>(
    subkey: &Subkey,
    parts: Option<Parts<'_>>,
    token: &str,
    buffer: &'a mut Vec<u8>,
) -> Option<&'a [u8]> {
    let Parts { header, nonce, ciphertext, tag } = parts.unwrap_or_else(|| Parts::in_place_of(token));
    let nonce = base64url::decode_array(nonce);
    buffer.clear();
    buffer.reserve(ciphertext.len());
    let sealed = decode(ciphertext, tag, buffer);
    let sound = parts.is_some() && nonce.is_some() && sealed.is_some();
    if sealed.is_none() {
        buffer.clear();
        decode(stand_in_ciphertext(ciphertext.len()), STAND_IN_TAG, buffer)?;
    }
    // The encoded header is authenticated, not the parsed one (RFC 7516, section 5.2, step 15).
    let opened = subkey.open(nonce.unwrap_or_default(), header.as_bytes(), buffer).ok();
    opened.filter(|_| sound)
}

#[derive(Clone, Copy)]
struct Parts<'a> {
    header: &'a str,
    nonce: &'a str,
    ciphertext: &'a str,
    tag: &'a str,
}

impl<'a> Parts<'a> {
    /// The parts of a token, if their lengths are valid: the work depends on the length of the ciphertext only.
    fn of(token: &'a str) -> Option<Self> {
        let (mut parts, mut count, mut start) = ([""; 5], 0, 0);
        for end in memchr_iter(b'.', token.as_bytes()).chain([token.len()]) {
            *parts.get_mut(count)? = token.get(start..end)?;
            (count, start) = (count + 1, end + 1);
        }
        let [header, key, nonce, ciphertext, tag] = parts;
        let sound = count == parts.len()
            && token.len() <= SealedToken::MAX_LEN
            && header.len() <= header::MAX_TEXT_LEN
            // `dir` has an empty encrypted key.
            && key.is_empty()
            && nonce.len() == STAND_IN_NONCE.len()
            && tag.len() == STAND_IN_TAG.len();
        sound.then_some(Self { header, nonce, ciphertext, tag })
    }

    /// Stand-ins of about the lengths of a valid token as long as `token`.
    fn in_place_of(token: &str) -> Self {
        let others = header::STAND_IN.len() + STAND_IN_NONCE.len() + STAND_IN_TAG.len() + 4;
        Self {
            header: header::STAND_IN,
            nonce: STAND_IN_NONCE,
            ciphertext: stand_in_ciphertext(token.len().saturating_sub(others)),
            tag: STAND_IN_TAG,
        }
    }
}

const STAND_IN_NONCE: &str = "AAAAAAAAAAAAAAAA";
const STAND_IN_TAG: &str = "AAAAAAAAAAAAAAAAAAAAAA";

/// Zero bytes, as many as the longest token has.
const ZEROS: &str = match str::from_utf8(&[b'A'; SealedToken::MAX_LEN]) {
    Ok(ciphertext) => ciphertext,
    Err(_) => "",
};

/// About `len` characters of valid base64url.
fn stand_in_ciphertext(len: usize) -> &'static str {
    ZEROS.get(..len / 4 * 4).unwrap_or(ZEROS)
}

fn decode(ciphertext: &str, tag: &str, buffer: &mut Vec<u8>) -> Option<()> {
    base64url::decode(ciphertext, buffer)?;
    buffer.extend_from_slice(&base64url::decode_array::<TAG_LEN>(tag)?);
    Some(())
}
