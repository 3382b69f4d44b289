//! The signed format: compact JWS with `ES256` (RFC 7515, section 7.1; RFC 7518, section 3.4).

use shared_types::SealedToken;

use super::{base64url, header};
use crate::crypto::{CryptoError, SecureRandom, Signer, Verifier, WRONG_SIGNATURE, is_in_range};

/// The bytes of an ES256 signature, r and s (RFC 7518, section 3.4).
const SIGNATURE_LEN: usize = 64;

/// Signs `payload` with `signer`. `write_header` appends the encoded header, which names the key.
pub(crate) fn sign(
    signer: &Signer,
    write_header: impl FnOnce(&mut String),
    payload: &[u8],
    rng: &dyn SecureRandom,
) -> Result<String, CryptoError> {
    // The header is about 120 characters, the signature and the dots 88.
    let mut token = String::with_capacity(240 + base64url::encoded_len(payload.len()));
    write_header(&mut token);
    token.push('.');
    base64url::encode(payload, &mut token);
    let signature = signer.sign(token.as_bytes(), rng)?;
    token.push('.');
    base64url::encode(signature, &mut token);
    Ok(token)
}

/// Opens `token` into `buffer`, with the key that `verifier_of` finds for its `kid`.
///
/// Constant work, like the encrypted format: one signature is always verified, with `any_verifier` if `kid` is unknown, and
/// an invalid one if the token's is malformed.
pub(crate) fn open<'a>(
    token: &str,
    buffer: &'a mut Vec<u8>,
    verifier_of: impl FnOnce(&str) -> Option<Verifier>,
    any_verifier: impl FnOnce() -> Verifier,
) -> Option<&'a [u8]> {
    let (signed, signature) = token.rsplit_once('.')?;
    let (header, payload) = signed.split_once('.')?;
    let verifier = header::read_jws(header, verifier_of);
    let signature = base64url::decode_array::<SIGNATURE_LEN>(signature).filter(is_in_range);
    let sound = token.len() <= SealedToken::MAX_LEN
        && !payload.contains('.')
        && verifier.is_some()
        && signature.is_some();
    let (verifier, signature) = (verifier.unwrap_or_else(any_verifier), signature.unwrap_or(WRONG_SIGNATURE));
    let verified = verifier.verify(signed.as_bytes(), &signature);
    if !sound || verified.is_err() {
        return None;
    }
    buffer.clear();
    base64url::decode(payload, buffer)?;
    Some(buffer)
}
