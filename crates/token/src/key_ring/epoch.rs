//! An epoch of the active encryption key: one subkey per deployment, and the counter of their nonces.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use shared_types::DeploymentKey;

use super::{
    EncryptionKey,
    subkey_cache::{self, SubkeyCache, SubkeyEntry},
};
use crate::{
    crypto::{self, CryptoError, Prk, SecureRandom},
    jose::{base64url, header, kid::Kid},
};

/// The maximum number of tokens that an epoch seals (RFC 7518, section 8.4).
pub(super) const CAP: u64 = 1 << 32;

const INFO: &[u8] = b"webchat-token-v1";

/// Guarantees that no nonce is used twice under a key:
///
/// - Tokens are not sealed under the key of the file but under a subkey. HKDF-SHA256 derives it from that key, from 128
///   random bits, the *salt*, and from the deployment. An epoch draws its salt when it begins: when a process starts,
///   when it loads a changed key file, and when the previous epoch is used up. So replicas, restarts and reloads, which
///   share no state, seal under different subkeys; so does a key that was active before and becomes active again.
/// - Within an epoch the nonce is a counter that all seals share, whatever their deployments; it begins and ends with the
///   epoch. So no two tokens of one salt, and therefore of one subkey, have the same nonce. A request that still seals with
///   the key ring from before a reload continues that ring's counter. A ring that is replaced only because a retired key
///   expired shares its epoch and the counter with its replacement.
/// - The epoch ends after 2^32 tokens, the maximum for one AES-GCM key (RFC 7518, section 8.4). The next begins
///   automatically, so that the number of tokens of a deployment, a process or a key file is unlimited.
///
/// The remaining risk is that two epochs draw the same salt: with *n* epochs under one key of the file, a probability of
/// n²/2^129. A million epochs, each of 2^32 tokens, come to 2^-89; a file that changes every second makes a million in
/// twelve days.
///
/// It does not hold for a process that is copied with its memory while it runs (a virtual machine snapshot that is resumed
/// twice): do not do that to a process that holds keys.
pub(super) struct Epoch {
    /// `<key>.<salt>`
    name: String,
    prk: Prk,
    next: AtomicU64,
    cap: u64,
    /// The subkeys, by deployment.
    subkeys: SubkeyCache<Option<DeploymentKey>>,
}

impl Epoch {
    pub(super) fn begin(key: &EncryptionKey, cap: u64, rng: &dyn SecureRandom) -> Result<Self, CryptoError> {
        let salt = crypto::random(rng)?;
        let mut name = format!("{}.", key.kid);
        base64url::encode(salt, &mut name);
        let prk = Prk::new(&salt, &key.secret);
        Ok(Self { name, prk, next: AtomicU64::new(0), cap, subkeys: subkey_cache::empty() })
    }

    /// A fresh nonce; `None` once all are used.
    pub(super) fn nonce(&self) -> Option<[u8; 12]> {
        // Relaxed: the addition is atomic in any ordering. The counter continues past the cap, where 2^64 is out of reach.
        let count = self.next.fetch_add(1, Ordering::Relaxed);
        let [a, b, c, d, e, f, g, h] = count.to_be_bytes();
        (count < self.cap).then_some([0, 0, 0, 0, a, b, c, d, e, f, g, h])
    }

    /// The subkey of the tokens of `deployment`.
    pub(super) fn subkey(&self, deployment: Option<DeploymentKey>) -> Result<Arc<SubkeyEntry>, CryptoError> {
        self.subkeys.get_or_insert_with(&deployment, || {
            let text = deployment.map(DeploymentKey::text);
            let text = text.as_deref().unwrap_or_default();
            let dot = if deployment.is_some() { "." } else { "" };
            let mut header = String::new();
            header::write_jwe(&[self.name.as_str(), dot, text].concat(), &mut header);
            let subkey = self.prk.expand(&info(text))?;
            Ok(Arc::new(SubkeyEntry { header: header.into(), deployment, subkey }))
        })
    }
}

/// The pseudorandom key of `kid`, whose key is `key`; expanded with [`info`] it gives the subkey.
pub(super) fn extract(key: &EncryptionKey, kid: &Kid<'_>) -> Prk {
    Prk::new(&kid.salt, &key.secret)
}

/// The `info` of HKDF. Its two parts need no separator: the first is constant, the second of fixed length or empty.
pub(super) fn info(deployment: &str) -> [&[u8]; 2] {
    [INFO, deployment.as_bytes()]
}
