//! The encrypted format: compact JWE with `dir` and `A256GCM` (RFC 7516, section 7.1; RFC 7518, sections 4.5 and 5.3).

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
/// `subkey_of` returned. [`SealedToken::MAX_LEN`] bounds the cost.
///
/// A token that does not open is rejected at its first defect. The time tells its sender only what it sent: the holder of a token
/// can read its `kid`, and the tag is compared in constant time.
pub(crate) fn open<'a, T>(
    token: &str,
    buffer: &'a mut Vec<u8>,
    subkey_of: impl FnOnce(&str) -> Option<(Subkey, T)>,
) -> Option<(&'a [u8], (Subkey, T))> {
    let parts = Parts::of(token)?;
    let found = header::read_jwe(parts.header, subkey_of)?;
    Some((parts.open(&found.0, buffer)?, found))
}

/// Opens `token` with the cached `subkey` of its header, which saves deriving it.
pub(crate) fn open_with<'a>(subkey: &Subkey, token: &str, buffer: &'a mut Vec<u8>) -> Option<&'a [u8]> {
    Parts::of(token)?.open(subkey, buffer)
}

#[derive(Clone, Copy)]
struct Parts<'a> {
    header: &'a str,
    nonce: &'a str,
    ciphertext: &'a str,
    tag: &'a str,
}

impl<'a> Parts<'a> {
    /// The parts of a token, if their lengths are valid.
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
            && tag.len() == base64url::encoded_len(TAG_LEN);
        sound.then_some(Self { header, nonce, ciphertext, tag })
    }

    fn open<'b>(&self, subkey: &Subkey, buffer: &'b mut Vec<u8>) -> Option<&'b [u8]> {
        let nonce = base64url::decode_array(self.nonce)?;
        buffer.clear();
        base64url::decode(self.ciphertext, buffer)?;
        buffer.extend_from_slice(&base64url::decode_array::<TAG_LEN>(self.tag)?);
        // The encoded header is authenticated, not the parsed one (RFC 7516, section 5.2, step 15).
        subkey.open(nonce, self.header.as_bytes(), buffer).ok()
    }
}
