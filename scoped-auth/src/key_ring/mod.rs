//! The key ring: the active keys make tokens, all listed keys open them. It is made once from the key file and does not
//! change; [`crate::keys_follower`] puts another ring in the place of this one when the file changes, and when a retired
//! key's time is over.

mod epoch;
mod kept;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod tests;

use std::{collections::HashMap, fmt, sync::Arc};

use arc_swap::{ArcSwap, Guard};
use chrono::{DateTime, Utc};
use shared_types::{SealedToken, SessionId, json, scoped_auth::jwks};
use zeroize::Zeroizing;

use self::{
    epoch::Epoch,
    kept::{Found, Kept, Named},
};
use crate::{
    claims::Claims,
    crypto::{Mac, P256, Secret, SecureRandom, Signer, Verifier},
    jose::{Form, SealError, Unauthentic, base64url, header, jwe, jws, kid::Kid},
    key_file::{KeyFile, KeyFileError, KeyInfo, Material, Status, write_subkey},
};

/// The keys, ready to use. See [`KeyFile`] for what the status of a key means.
#[derive(Clone)]
pub struct KeyRing {
    /// By the name that stands in a token's `kid`: a token costs the same however many keys are listed.
    encryption: HashMap<String, Arc<EncryptionKey>>,
    active: Arc<EncryptionKey>,
    epoch: Arc<ArcSwap<Epoch>>,
    cap: u64,
    /// The subkeys of tokens that were opened.
    opened: Arc<Kept>,
    verifiers: HashMap<String, Verifier>,
    signer: Arc<SigningKey>,
    public: jwks::Response,
    mac: Arc<Mac>,
    about: Vec<KeyInfo>,
}

pub(crate) struct EncryptionKey {
    kid: String,
    secret: Secret,
}

struct SigningKey {
    kid: String,
    signer: Signer,
    verifier: Verifier,
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
        let mac = Arc::new(Mac::new(&file.audit_key()?));
        let (mut active, mut signer) = (None, None);
        let (mut encryption, mut verifiers) = (HashMap::new(), HashMap::new());
        let (mut public, mut abouts) = (Vec::new(), Vec::new());
        for key in file.keys {
            let KeyInfo { kid, status, .. } = &key.about;
            match key.material {
                Material::Encryption(secret) => {
                    let key = Arc::new(EncryptionKey { kid: kid.clone(), secret });
                    if *status == Status::Active {
                        active = Some(Arc::clone(&key));
                    }
                    encryption.insert(kid.clone(), key);
                }
                Material::Signing(pair) => {
                    let position = key.position;
                    let problem =
                        "its `d` does not belong to its `x` and `y`, or they are no point of the curve";
                    let made = Signer::new(&pair, rng);
                    let made = made.map_err(|_| KeyFileError::Key { position, problem })?;
                    let verifier = pair.public();
                    if *status == Status::Active {
                        signer = Some(Arc::new(SigningKey { kid: kid.clone(), signer: made, verifier }));
                    }
                    verifiers.insert(kid.clone(), verifier);
                    public.push(public_key(kid, &pair));
                }
                Material::Audit(_) => {}
            }
            abouts.push(key.about);
        }
        let active = active.ok_or(KeyFileError::Set("no key of use `enc` is active"))?;
        Ok(Self {
            epoch: Arc::new(ArcSwap::from_pointee(Epoch::begin(&active, cap, rng)?)),
            cap,
            opened: Arc::default(),
            verifiers,
            signer: signer.ok_or(KeyFileError::Set("no key of use `sig` is active"))?,
            public: jwks::Response { keys: public },
            encryption,
            active,
            mac,
            about: abouts,
        })
    }

    /// This ring without the retired keys whose time is over at `now`, if there are any; it seals on in the same epoch.
    #[must_use]
    pub fn without_dead_keys(&self, now: DateTime<Utc>) -> Option<Self> {
        let (dead, about): (Vec<_>, Vec<_>) =
            self.about.iter().cloned().partition(|about| about.is_over(now));
        if dead.is_empty() {
            return None;
        }
        let lives = |kid: &str| dead.iter().all(|about| about.kid != kid);
        // What the dead keys have opened is forgotten.
        let mut ring = Self { about, opened: Arc::default(), ..self.clone() };
        ring.encryption.retain(|kid, _| lives(kid));
        ring.verifiers.retain(|kid, _| lives(kid));
        ring.public.keys.retain(|key| lives(&key.kid));
        Some(ring)
    }

    /// What may be told of the keys.
    pub fn about(&self) -> &[KeyInfo] {
        &self.about
    }

    /// What the audit log calls a session: the same for all its events, and nothing that its `sid` could be found by
    /// without the key. The first 64 bits of the HMAC-SHA256 of the `sid` as it stands in a token, in hexadecimal.
    pub fn session_hash(&self, session: SessionId) -> String {
        let tag = self.mac.tag(session.text().as_bytes());
        let bits = tag.as_ref().first_chunk().copied().map(u64::from_be_bytes);
        format!("{:016x}", bits.unwrap_or_default())
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
        let payload = json::to_vec(claims).map_err(|_| SealError::Failed)?;
        let token = match form {
            Form::Encrypted => {
                let (epoch, nonce) = self.fresh_nonce(rng)?;
                epoch.with_subkey(claims.deployment(), |named| {
                    jwe::seal(&named.subkey, &named.header, nonce, payload)
                })?
            }
            Form::Signed => jws::sign(&self.signer.signer, &self.signer.kid, &payload, rng)?,
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
            Form::Encrypted => self.open_encrypted(token.as_str(), &mut buffer),
            Form::Signed => self.open_signed(token.as_str(), &mut buffer),
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
        let subkey_of = |kid: &str| {
            let kid = Kid::parse(kid)?;
            let key = self.key(&kid)?;
            let subkey = epoch::extract(key, &kid).expand(&epoch::info(kid.deployment)).ok()?;
            Some((subkey, kid.deployment.parse().ok()))
        };
        let any_subkey = || {
            let kid = Kid::parse(header::STAND_IN_KID)?;
            epoch::extract(&self.active, &kid).expand(&epoch::info(kid.deployment)).ok()
        };
        let header = header::text_of(token);
        let kept = self.opened.find(header, |named| *named.header == *header);
        if let Some(named) = kept.as_ref().and_then(Found::named) {
            let payload = jwe::open_with(&named.subkey, token, buffer, subkey_of, any_subkey)?;
            return Claims::parse(payload).filter(|claims| claims.deployment() == named.deployment);
        }
        let (payload, (subkey, deployment)) = jwe::open(token, buffer, subkey_of, any_subkey)?;
        // Whoever trusted the deployment in the `kid` before the token was opened was right to.
        let claims = Claims::parse(payload).filter(|claims| claims.deployment() == deployment)?;
        self.opened.keep(header, Named { header: header.into(), deployment, subkey });
        Some(claims)
    }

    fn open_signed(&self, token: &str, buffer: &mut Vec<u8>) -> Option<Claims> {
        let verifier_of = |kid: &str| self.verifiers.get(kid).copied();
        let any_verifier = || self.signer.verifier;
        jws::open(token, buffer, verifier_of, any_verifier).and_then(Claims::parse)
    }

    fn key(&self, kid: &Kid<'_>) -> Option<&EncryptionKey> {
        self.encryption.get(kid.key).map(Arc::as_ref)
    }

    /// The epoch, and a nonce that none of its subkeys was used with; a new epoch if this one is used up.
    fn fresh_nonce(&self, rng: &dyn SecureRandom) -> Result<(Guard<Arc<Epoch>>, [u8; 12]), SealError> {
        loop {
            let epoch = self.epoch.load();
            if let Some(nonce) = epoch.nonce() {
                return Ok((epoch, nonce));
            }
            let next = Epoch::begin(&self.active, self.cap, rng)?;
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

fn public_key(kid: &str, pair: &P256) -> jwks::PublicKey {
    let text = |bytes: &[u8; 32]| {
        let mut text = String::new();
        base64url::encode(bytes, &mut text);
        text
    };
    jwks::PublicKey {
        kty: "EC".into(),
        crv: "P-256".into(),
        x: text(&pair.x),
        y: text(&pair.y),
        alg: "ES256".into(),
        r#use: "sig".into(),
        kid: kid.to_owned(),
    }
}
