//! An epoch of the active encryption key: one subkey per deployment, and the nonces that are used under them.

use std::sync::atomic::{AtomicU64, Ordering};

use shared_types::DeploymentKey;

use super::{
    EncryptionKey,
    kept::{Found, Kept, Named},
};
use crate::{
    crypto::{self, Extracted, Failed, SecureRandom},
    jose::{base64url, header, kid::Kid},
};

/// How many tokens an epoch seals (RFC 7518, section 8.4).
pub(super) const CAP: u64 = 1 << 32;

const INFO: &[u8] = b"webchat-token-v1";

/// Why a nonce is never used twice under a key:
///
/// - No token is sealed under the key of the file. It is sealed under a subkey that HKDF-SHA256 derives from that key,
///   from 128 random bits, the *salt*, and from the deployment. An epoch draws its salt when it begins: when a process
///   starts, when it loads a key file that has changed, and when the epoch before is used up. So replicas, restarts and
///   reloads, which know nothing of each other, seal under different subkeys; so does a key that was active before and
///   becomes active again.
/// - Within an epoch the nonce is a counter that no two seals share, whatever their deployments; it lives and ends
///   with the epoch. So no two tokens of one salt have one nonce, let alone two of one subkey. A request that still
///   seals with the key ring of before a reload counts on in that ring's epoch. Where a ring is replaced only because a
///   retired key's time is over, both share one epoch and its counter.
/// - The epoch ends after 2^32 tokens, the most that RFC 7518 (section 8.4) lets one key seal with AES-GCM. The next
///   begins by itself, so that the number of tokens of a deployment, a process or a key file has no limit.
///
/// What remains is that two epochs draw the same salt: with *n* epochs under one key of the file, a probability of
/// n²/2^129. A million epochs, each good for 2^32 tokens, come to 2^-89; a file that changes every second makes one in
/// twelve days.
///
/// It does not hold for a process that is copied while it runs, with its memory (a snapshot of a virtual machine
/// that is resumed twice): do not do that to one that holds keys.
pub(super) struct Epoch {
    /// `<key>.<salt>`
    name: String,
    extracted: Extracted,
    next: AtomicU64,
    cap: u64,
    /// Its subkeys.
    kept: Kept,
}

impl Epoch {
    pub(super) fn begin(key: &EncryptionKey, cap: u64, rng: &dyn SecureRandom) -> Result<Self, Failed> {
        let salt = crypto::random(rng)?;
        let mut name = format!("{}.", key.kid);
        base64url::encode(salt, &mut name);
        let extracted = Extracted::new(&salt, &key.secret);
        Ok(Self { name, extracted, next: AtomicU64::new(0), cap, kept: Kept::default() })
    }

    /// A nonce that was not given before; `None` once all are used.
    pub(super) fn nonce(&self) -> Option<[u8; 12]> {
        // Relaxed, because adding is one step in any ordering. Adding goes on after the end, where 2^64 is out of
        // reach.
        let count = self.next.fetch_add(1, Ordering::Relaxed);
        let [a, b, c, d, e, f, g, h] = count.to_be_bytes();
        (count < self.cap).then_some([0, 0, 0, 0, a, b, c, d, e, f, g, h])
    }

    /// Does something with the subkey of the tokens of `deployment`.
    pub(super) fn with_subkey<T>(
        &self,
        deployment: Option<DeploymentKey>,
        then: impl FnOnce(&Named) -> Result<T, Failed>,
    ) -> Result<T, Failed> {
        let text = deployment.map(DeploymentKey::text);
        let text = text.as_deref().unwrap_or_default();
        let kept = self.kept.find(text, |named| named.deployment == deployment);
        if let Some(named) = kept.as_ref().and_then(Found::named) {
            return then(named);
        }
        let dot = if deployment.is_some() { "." } else { "" };
        let mut header = String::new();
        header::write_jwe(&[self.name.as_str(), dot, text].concat(), &mut header);
        let named = Named { header: header.into(), deployment, subkey: self.extracted.expand(&info(text))? };
        let done = then(&named);
        self.kept.keep(text, named);
        done
    }
}

/// What `kid` is derived from, where `key` is the key that it names; with [`info`] it gives the subkey.
pub(super) fn extract(key: &EncryptionKey, kid: &Kid<'_>) -> Extracted {
    Extracted::new(&kid.salt, &key.secret)
}

/// The `info` of HKDF. Nothing parts its two halves: the first is constant, and the second of one length or empty.
pub(super) fn info(deployment: &str) -> [&[u8]; 2] {
    [INFO, deployment.as_bytes()]
}
