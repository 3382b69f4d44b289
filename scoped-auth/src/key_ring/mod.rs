//! The key ring: the active keys make tokens, all listed keys open them. It is made once from the key file and does not
//! change; whoever loads the file anew makes another ring and puts it in the place of this one.

mod epoch;
#[cfg(test)]
mod tests;

use std::{fmt, sync::Arc};

use arc_swap::ArcSwap;
use shared_types::{SealedToken, scoped_auth::jwks};
use zeroize::Zeroizing;

use self::epoch::Epoch;
use crate::{
    claims::Claims,
    crypto::{SecureRandom, Signer, Subkey, Verifier},
    jose::{Form, SealError, Unauthentic, base64url, jwe, jws, kid::Kid},
    key_file::{EncryptionKey, KeyFile, KeyFileError, SigningKey, Status, write_subkey},
};

/// The keys, ready to use. See [`KeyFile`] for what the status of a key means.
pub struct KeyRing {
    encryption: Vec<EncryptionKey>,
    epoch: ArcSwap<Epoch>,
    cap: u64,
    verifiers: Vec<(String, Verifier)>,
    signer: (String, Signer),
    public: jwks::Response,
}

impl KeyRing {
    /// Makes the keys of `file` usable, and begins an epoch of the active encryption key.
    ///
    /// # Errors
    ///
    /// If the private and the public part of a signing key do not belong together, or there is no randomness.
    pub fn new(file: KeyFile, rng: &dyn SecureRandom) -> Result<Self, KeyFileError> {
        Self::with_cap(file, rng, epoch::CAP)
    }

    fn with_cap(file: KeyFile, rng: &dyn SecureRandom, cap: u64) -> Result<Self, KeyFileError> {
        let epoch = Epoch::begin(active(&file.encryption)?, cap, rng)?;
        let mut signer = None;
        for SigningKey { position, kid, status, pair } in &file.signing {
            let problem = "its `d` does not belong to its `x` and `y`, or they are no point of the curve";
            let made =
                Signer::new(pair, rng).map_err(|_| KeyFileError::Key { position: *position, problem })?;
            if *status == Status::Active {
                signer = Some((kid.clone(), made));
            }
        }
        Ok(Self {
            epoch: ArcSwap::from_pointee(epoch),
            cap,
            verifiers: file.signing.iter().map(|key| (key.kid.clone(), key.pair.public())).collect(),
            signer: signer.ok_or(KeyFileError::Set("no key of use `sig` is active"))?,
            public: jwks::Response { keys: file.signing.iter().map(public_key).collect() },
            encryption: file.encryption,
        })
    }

    /// Makes a token of `claims`, with the active key of `form`.
    ///
    /// The `kid` of an encrypted token ends in the deployment of its webchat grant, if that has one, so that
    /// [`SealedToken::claimed_deployment`] finds it.
    ///
    /// # Errors
    ///
    /// [`SealError::TooLong`] if the grants do not fit into a token.
    pub fn seal(
        &self,
        claims: &Claims,
        form: Form,
        rng: &dyn SecureRandom,
    ) -> Result<SealedToken, SealError> {
        let mut payload = Vec::with_capacity(1024);
        serde_json::to_writer(&mut payload, claims).map_err(|_| SealError::Failed)?;
        let token = match form {
            Form::Encrypted => {
                let deployment =
                    claims.deployment().map(|deployment| deployment.to_string()).unwrap_or_default();
                let (kid, subkey, nonce) = self.fresh_nonce(&deployment, rng)?;
                jwe::seal(&subkey, &kid, nonce, payload)?
            }
            Form::Signed => jws::sign(&self.signer.1, &self.signer.0, &payload, rng)?,
        };
        SealedToken::new(token).ok_or(SealError::TooLong)
    }

    /// The claims of `token`, if it is authentic: in one of the two forms, of a listed key, unchanged, and with the
    /// issuer and the audience of ours. Whether they still hold is for [`Claims::judge`].
    ///
    /// # Errors
    ///
    /// [`Unauthentic`], the same for whatever is wrong.
    pub fn open(&self, token: &SealedToken) -> Result<Claims, Unauthentic> {
        let mut buffer = Vec::new();
        let claims = match Form::of(token.as_str()) {
            Some(Form::Encrypted) => self.open_encrypted(token.as_str(), &mut buffer),
            Some(Form::Signed) => {
                let verifier_of = |kid: &str| self.verifiers.iter().find(|key| key.0 == kid).map(|key| key.1);
                jws::open(token.as_str(), &mut buffer, verifier_of).and_then(Claims::parse)
            }
            None => None,
        };
        claims.ok_or(Unauthentic)
    }

    /// The public parts of all signing keys, for `GET /.well-known/jwks.json`.
    pub fn public_keys(&self) -> &jwks::Response {
        &self.public
    }

    /// The key that opens the encrypted tokens of `kid`, as JWK: whoever has to open a token with a JOSE library gets
    /// no more than it takes, namely one deployment's tokens of one epoch. `None` if no listed key is named.
    pub fn subkey_jwk(&self, kid: &str) -> Option<Zeroizing<String>> {
        let parsed = Kid::parse(kid)?;
        let key = self.key(&parsed)?;
        let bytes = epoch::extract(key, &parsed).expand_bytes(&epoch::info(parsed.deployment)).ok()?;
        write_subkey(kid, &bytes)
    }

    fn open_encrypted(&self, token: &str, buffer: &mut Vec<u8>) -> Option<Claims> {
        let mut deployment = None;
        let payload = jwe::open(token, buffer, |kid| {
            let kid = Kid::parse(kid)?;
            let key = self.key(&kid)?;
            deployment = kid.deployment.parse().ok();
            epoch::extract(key, &kid).expand(&epoch::info(kid.deployment)).ok()
        })?;
        // Whoever trusted the deployment in the `kid` before the token was opened was right to.
        Claims::parse(payload).filter(|claims| claims.deployment() == deployment)
    }

    fn key(&self, kid: &Kid<'_>) -> Option<&EncryptionKey> {
        self.encryption.iter().find(|key| key.kid == kid.key)
    }

    /// A subkey of the epoch, its `kid`, and a nonce that it was never used with; from a new epoch if this one is used
    /// up.
    fn fresh_nonce(
        &self,
        deployment: &str,
        rng: &dyn SecureRandom,
    ) -> Result<(String, Subkey, [u8; 12]), SealError> {
        loop {
            let epoch = self.epoch.load();
            if let Some(nonce) = epoch.nonce() {
                let (kid, subkey) = epoch.subkey(deployment)?;
                return Ok((kid, subkey, nonce));
            }
            let key = active(&self.encryption).map_err(|_| SealError::Failed)?;
            let next = Epoch::begin(key, self.cap, rng)?;
            // Of several that find the epoch used up, the first replaces it and the others use the first one's.
            self.epoch.compare_and_swap(&epoch, Arc::new(next));
        }
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyRing(…)")
    }
}

fn active(keys: &[EncryptionKey]) -> Result<&EncryptionKey, KeyFileError> {
    let active = keys.iter().find(|key| key.status == Status::Active);
    active.ok_or(KeyFileError::Set("no key of use `enc` is active"))
}

fn public_key(key: &SigningKey) -> jwks::PublicKey {
    let text = |bytes: &[u8; 32]| {
        let mut text = String::new();
        base64url::encode(bytes, &mut text);
        text
    };
    jwks::PublicKey {
        kty: "EC".into(),
        crv: "P-256".into(),
        x: text(&key.pair.x),
        y: text(&key.pair.y),
        alg: "ES256".into(),
        r#use: "sig".into(),
        kid: key.kid.clone(),
    }
}
