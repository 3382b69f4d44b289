//! The encrypted form: compact JWE with `dir` and `A256GCM` (RFC 7516, section 7.1; RFC 7518, sections 4.5 and 5.3).

use shared_types::SealedToken;

use super::{base64url, header};
use crate::crypto::{Failed, Subkey};

/// The bytes of a GCM tag (RFC 7518, section 5.3).
const TAG_LEN: usize = 16;

/// Seals `payload` under `subkey`, whose name is `kid` and for which `nonce` was never used.
pub(crate) fn seal(
    subkey: &Subkey,
    kid: &str,
    nonce: [u8; 12],
    mut payload: Vec<u8>,
) -> Result<String, Failed> {
    // The header is about 230 characters, the nonce, the tag and the dots 42.
    let mut token = String::with_capacity(300 + base64url::encoded_len(payload.len()));
    header::write_jwe(kid, &mut token);
    let tag = subkey.seal(nonce, token.as_bytes(), &mut payload)?;
    // `dir` has an empty encrypted key.
    token.push_str("..");
    base64url::encode(nonce, &mut token);
    token.push('.');
    base64url::encode(payload, &mut token);
    token.push('.');
    base64url::encode(tag, &mut token);
    Ok(token)
}

/// Opens `token` within `buffer`, under the key that `subkey_of` finds for its `kid`.
pub(crate) fn open<'a>(
    token: &str,
    buffer: &'a mut Vec<u8>,
    subkey_of: impl FnOnce(&str) -> Option<Subkey>,
) -> Option<&'a [u8]> {
    let mut parts = token.split('.');
    let (header, key, nonce) = (parts.next()?, parts.next()?, parts.next()?);
    let (text, tag) = (parts.next()?, parts.next()?);
    if token.len() > SealedToken::MAX_LEN || parts.next().is_some() || !key.is_empty() {
        return None;
    }
    let subkey = header::read_jwe(header, subkey_of)?;
    let nonce = base64url::decode_array(nonce)?;
    buffer.clear();
    buffer.reserve(text.len());
    base64url::decode(text, buffer)?;
    buffer.extend_from_slice(&base64url::decode_array::<TAG_LEN>(tag)?);
    // The header is authenticated as it was written, not as it was read (RFC 7516, section 5.2, step 15).
    subkey.open(nonce, header.as_bytes(), buffer).ok()
}
