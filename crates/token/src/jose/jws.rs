//! The signed format: compact JWS with `ES256` (RFC 7515, section 7.1; RFC 7518, section 3.4).

use shared_types::SealedToken;

use super::{base64url, header};
use crate::crypto::{CryptoError, SecureRandom, Signer, Verifier};

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
pub(crate) fn open<'a>(
    token: &str,
    buffer: &'a mut Vec<u8>,
    verifier_of: impl FnOnce(&str) -> Option<Verifier>,
) -> Option<&'a [u8]> {
    let (signed, signature) = token.rsplit_once('.')?;
    let (header, payload) = signed.split_once('.')?;
    if token.len() > SealedToken::MAX_LEN || payload.contains('.') {
        return None;
    }
    let verifier = header::read_jws(header, verifier_of)?;
    let signature = base64url::decode_array::<SIGNATURE_LEN>(signature)?;
    verifier.verify(signed.as_bytes(), &signature).ok()?;
    buffer.clear();
    base64url::decode(payload, buffer)?;
    Some(buffer)
}
