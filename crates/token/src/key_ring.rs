//! The key ring: the active keys make tokens, all listed keys open them. It is immutable: ScopedAuthService replaces it
//! when the key file changes and when a retired key expires.

mod epoch;
#[cfg(test)]
mod opened_subkeys;
mod subkey_cache;
#[cfg(test)]
mod tests;

use std::{collections::HashMap, fmt, sync::Arc};

use arc_swap::{ArcSwap, Guard};
use chrono::{DateTime, Utc};
use shared_types::{Assertion, SealedToken, SessionId, json, scoped_auth::jwks};
use zeroize::Zeroizing;

use self::{
    epoch::Epoch,
    subkey_cache::{SubkeyCache, SubkeyEntry},
};
use crate::{
    assertion::{AssertionClaims, Statement},
    claims::Claims,
    crypto::{self, CryptoError, Mac, P256KeyPair, Secret, SecureRandom, Signer, Verifier},
    jose::{SealError, TokenFormat, Unauthentic, base64url, header, jwe, jws, kid::Kid},
    key_file::{KeyFile, KeyFileError, KeyInfo, Material, Status, write_subkey},
};

/// The keys, ready to use. [`KeyFile`] documents the status of a key.
#[derive(Clone)]
pub struct KeyRing {
    /// By the name in a token's `kid`: opening costs the same however many keys are listed.
    encryption: HashMap<String, Arc<EncryptionKey>>,
    active: Arc<EncryptionKey>,
    epoch: Arc<ArcSwap<Epoch>>,
    cap: u64,
    /// The subkeys of opened tokens, by their encoded header.
    opened: Arc<SubkeyCache<Box<str>>>,
    verifiers: HashMap<String, Verifier>,
    signer: Arc<SigningKey>,
    public: jwks::Response,
    mac: Arc<Mac>,
    infos: Vec<KeyInfo>,
}

pub(crate) struct EncryptionKey {
    kid: String,
    secret: Secret,
}

struct SigningKey {
    kid: String,
    signer: Signer,
}

impl KeyRing {
    /// Loads the keys of `file`, and begins an epoch of the active encryption key.
    ///
    /// # Errors
    ///
    /// If the private and the public part of a signing key do not match, or the random generator fails.
    pub fn new(file: KeyFile, rng: &dyn SecureRandom) -> Result<Self, KeyFileError> {
        Self::with_cap(file, rng, epoch::CAP)
    }

    fn with_cap(file: KeyFile, rng: &dyn SecureRandom, cap: u64) -> Result<Self, KeyFileError> {
        let mac = Arc::new(Mac::new(&file.audit_key()?));
        let (mut active, mut signer) = (None, None);
        let (mut encryption, mut verifiers) = (HashMap::new(), HashMap::new());
        let (mut public, mut infos) = (Vec::new(), Vec::new());
        for key in file.keys {
            let KeyInfo { kid, status, .. } = &key.info;
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
                        "its `d` does not match its `x` and `y`, or they are not a point of the curve";
                    let made = Signer::new(&pair, rng);
                    let made = made.map_err(|_| KeyFileError::Key { position, problem })?;
                    let verifier = pair.public();
                    if *status == Status::Active {
                        signer = Some(Arc::new(SigningKey { kid: kid.clone(), signer: made }));
                    }
                    verifiers.insert(kid.clone(), verifier);
                    public.push(public_key(kid, &pair));
                }
                Material::Audit(_) => {}
            }
            infos.push(key.info);
        }
        let active = active.ok_or(KeyFileError::Set("no key of use `enc` is active"))?;
        Ok(Self {
            epoch: Arc::new(ArcSwap::from_pointee(Epoch::begin(&active, cap, rng)?)),
            cap,
            opened: Arc::new(subkey_cache::empty()),
            verifiers,
            signer: signer.ok_or(KeyFileError::Set("no key of use `sig` is active"))?,
            public: jwks::Response { keys: public },
            encryption,
            active,
            mac,
            infos,
        })
    }

    /// This ring without the retired keys that have expired at `now`, in the same epoch. `None` if none have.
    #[must_use]
    pub fn without_expired_keys(&self, now: DateTime<Utc>) -> Option<Self> {
        let (expired, infos): (Vec<_>, Vec<_>) =
            self.infos.iter().cloned().partition(|info| info.is_expired(now));
        if expired.is_empty() {
            return None;
        }
        let remains = |kid: &str| expired.iter().all(|info| info.kid != kid);
        // A new cache: the old one has subkeys of the expired keys.
        let mut ring = Self { infos, opened: Arc::new(subkey_cache::empty()), ..self.clone() };
        ring.encryption.retain(|kid, _| remains(kid));
        ring.verifiers.retain(|kid, _| remains(kid));
        ring.public.keys.retain(|key| remains(&key.kid));
        Some(ring)
    }

    /// The public information on the keys, in the file's order.
    pub fn key_infos(&self) -> &[KeyInfo] {
        &self.infos
    }

    /// The keyed hash that identifies a session in the audit log: the same for all its events, and not reversible to the
    /// `sid` without the key. The first 64 bits of the HMAC-SHA256 of the `sid` as written in a token, in hexadecimal.
    pub fn session_hash(&self, session: SessionId) -> String {
        let tag = self.mac.tag(session.text().as_bytes());
        let bits = tag.as_ref().first_chunk().copied().map(u64::from_be_bytes);
        format!("{:016x}", bits.unwrap_or_default())
    }

    /// The hash by which other services know a session, the claim `sid` of an assertion: the first 128 bits of the same HMAC, in hexadecimal. It begins with the hash in the
    /// audit log, so that operators find the session of an assertion.
    pub fn public_session_hash(&self, session: SessionId) -> String {
        let tag = self.mac.tag(session.text().as_bytes());
        let bits = tag.as_ref().first_chunk().copied().map(u128::from_be_bytes);
        format!("{:032x}", bits.unwrap_or_default())
    }

    /// Makes a token of `claims` in `format`, with the active key of that format.
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
        format: TokenFormat,
        rng: &dyn SecureRandom,
    ) -> Result<SealedToken, SealError> {
        let payload = json::to_vec(claims).map_err(|_| SealError::Crypto)?;
        let token = match format {
            TokenFormat::Encrypted => {
                let (epoch, nonce) = self.fresh_nonce(rng)?;
                let entry = epoch.subkey(claims.deployment())?;
                jwe::seal(&entry.subkey, &entry.header, nonce, payload)?
            }
            TokenFormat::Signed => self.sign(header::write_jws, &payload, rng)?,
        };
        SealedToken::new(token).ok_or(SealError::TooLong)
    }

    /// Signs an assertion of `statement` with the active signing key.
    ///
    /// # Errors
    ///
    /// [`SealError::Crypto`] if the random generator or the cryptographic library fails.
    pub fn sign_assertion(
        &self,
        statement: Statement<'_>,
        now: DateTime<Utc>,
        rng: &dyn SecureRandom,
    ) -> Result<Assertion, SealError> {
        let sid = self.public_session_hash(statement.token.sid);
        let claims = AssertionClaims::new(statement, sid, crypto::random(rng)?, now);
        let payload = json::to_vec(&claims).map_err(|_| SealError::Crypto)?;
        Ok(Assertion::new(self.sign(header::write_assertion, &payload, rng)?))
    }

    pub(crate) fn sign(
        &self,
        write_header: fn(&str, &mut String),
        payload: &[u8],
        rng: &dyn SecureRandom,
    ) -> Result<String, CryptoError> {
        let SigningKey { kid, signer, .. } = &*self.signer;
        jws::sign(signer, |out| write_header(kid, out), payload, rng)
    }

    /// The claims of `token`, if it is authentic: in one of the two formats, made with a listed key, unchanged, and with
    /// our issuer and audience. [`Claims::judge`] checks whether they are still valid.
    ///
    /// # Errors
    ///
    /// [`Unauthentic`], the same for every defect.
    pub fn open(&self, token: &SealedToken) -> Result<Claims, Unauthentic> {
        let mut buffer = Vec::new();
        let claims = match TokenFormat::of(token.as_str()) {
            TokenFormat::Encrypted => self.open_encrypted(token.as_str(), &mut buffer),
            TokenFormat::Signed => self.open_signed(token.as_str(), &mut buffer),
        };
        claims.ok_or(Unauthentic)
    }

    /// The public parts of all signing keys, for `GET /.well-known/jwks.json`.
    pub fn public_keys(&self) -> &jwks::Response {
        &self.public
    }

    /// The subkey that opens the encrypted tokens of `kid`, as JWK for any JOSE library. Least privilege: it opens one
    /// deployment's tokens of one epoch. `None` if `kid` names no listed key.
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
        let header = header::text_of(token);
        if let Some(entry) = self.opened.get(header) {
            let payload = jwe::open_with(&entry.subkey, token, buffer)?;
            return Claims::parse(payload).filter(|claims| claims.deployment() == entry.deployment);
        }
        let (payload, (subkey, deployment)) = jwe::open(token, buffer, subkey_of)?;
        // The deployment in the `kid`, which callers read before the token is opened, must be that of the claims.
        let claims = Claims::parse(payload).filter(|claims| claims.deployment() == deployment)?;
        let entry = SubkeyEntry { header: header.into(), deployment, subkey };
        self.opened.insert(header.into(), Arc::new(entry));
        Some(claims)
    }

    fn open_signed(&self, token: &str, buffer: &mut Vec<u8>) -> Option<Claims> {
        let verifier_of = |kid: &str| self.verifiers.get(kid).copied();
        jws::open(token, buffer, verifier_of).and_then(Claims::parse)
    }

    fn key(&self, kid: &Kid<'_>) -> Option<&EncryptionKey> {
        self.encryption.get(kid.key).map(Arc::as_ref)
    }

    /// The epoch and a fresh nonce for any of its subkeys; a new epoch if the current one is used up.
    fn fresh_nonce(&self, rng: &dyn SecureRandom) -> Result<(Guard<Arc<Epoch>>, [u8; 12]), SealError> {
        loop {
            let epoch = self.epoch.load();
            if let Some(nonce) = epoch.nonce() {
                return Ok((epoch, nonce));
            }
            let next = Epoch::begin(&self.active, self.cap, rng)?;
            // Of several threads that find the epoch used up, the first replaces it and the others use that one.
            self.epoch.compare_and_swap(&epoch, Arc::new(next));
        }
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyRing(…)")
    }
}

fn public_key(kid: &str, pair: &P256KeyPair) -> jwks::PublicKey {
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
