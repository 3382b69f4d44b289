//! Generates keys, and the first key file: `scoped-auth keys generate`. A key's name contains the day, as in
//! `enc-20261120-1f3a`.

use std::path::Path;

use chrono::{DateTime, SubsecRound as _, Utc};
use serde_json::Map;

use super::{Key, KeyFile, KeyFileError, KeyInfo, Material, Status, Use, disk};
use crate::crypto::{self, CryptoError, P256KeyPair, Secret, SecureRandom};

impl KeyFile {
    /// Creates a file at `path` with mode 0600 and one generated, active key of each use.
    ///
    /// # Errors
    ///
    /// If `path` exists, which is never overwritten, or the file cannot be written. Then, and after a crash, there is no
    /// file at `path`, never a partial one.
    pub fn create(path: &Path, rng: &dyn SecureRandom, now: DateTime<Utc>) -> Result<(), KeyFileError> {
        let mut file = Self { keys: Vec::new(), others: Map::new() };
        for usage in [Use::Encryption, Use::Signing, Use::Audit] {
            file.add(usage, Status::Active, rng, now)?;
        }
        disk::create(path, &file.write()?, rng)
    }

    /// Generates and adds a key; returns its name.
    pub(super) fn add(
        &mut self,
        usage: Use,
        status: Status,
        rng: &dyn SecureRandom,
        now: DateTime<Utc>,
    ) -> Result<String, CryptoError> {
        let material = match usage {
            Use::Encryption => Material::Encryption(Secret::new(crypto::random(rng)?)),
            Use::Signing => Material::Signing(P256KeyPair::generate(rng)?),
            Use::Audit => Material::Audit(Secret::new(crypto::random(rng)?)),
        };
        self.add_material(material, usage, status, rng, now)
    }

    /// Adds `material` under a new name; returns the name.
    pub(super) fn add_material(
        &mut self,
        material: Material,
        usage: Use,
        status: Status,
        rng: &dyn SecureRandom,
        now: DateTime<Utc>,
    ) -> Result<String, CryptoError> {
        let kid = loop {
            let suffix = u16::from_be_bytes(crypto::random(rng)?);
            let kid = format!("{}-{}-{suffix:04x}", usage.as_str(), now.format("%Y%m%d"));
            if self.key(&kid).is_none() {
                break kid;
            }
        };
        let made_at = Some(now.trunc_subsecs(0));
        let info = KeyInfo { kid: kid.clone(), usage, status, made_at, opens_until: None };
        self.keys.push(Key { position: self.keys.len() + 1, info, material, others: Map::new() });
        Ok(kid)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use ring::rand::SystemRandom;

    use super::*;
    use crate::key_ring::KeyRing;

    fn now() -> DateTime<Utc> {
        "2026-11-20T12:00:00.7Z".parse().unwrap()
    }

    #[test]
    fn a_created_file_has_a_key_of_each_use_and_makes_a_key_ring() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.json");
        KeyFile::create(&path, &SystemRandom::new(), now()).unwrap();
        let file = KeyFile::load(&path).unwrap();
        for (info, prefix) in file.key_infos().zip(["enc-20261120-", "sig-20261120-", "audit-20261120-"]) {
            assert!(info.kid.starts_with(prefix) && info.kid.len() == prefix.len() + 4, "{info:?}");
            assert_eq!((info.status, info.opens_until), (Status::Active, None));
            assert_eq!(info.made_at, Some(now().trunc_subsecs(0)));
        }
        assert_eq!(file.key_infos().count(), 3);
        KeyRing::new(file, &SystemRandom::new()).unwrap();
    }

    #[test]
    fn no_two_files_share_a_key() {
        let folder = tempfile::tempdir().unwrap();
        let paths = [folder.path().join("a"), folder.path().join("b")];
        let [a, b] = paths.map(|path| {
            KeyFile::create(&path, &SystemRandom::new(), now()).unwrap();
            let set: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
            set["keys"].as_array().unwrap().clone()
        });
        assert_eq!((a.len(), b.len()), (3, 3));
        for (a, b) in a.iter().zip(&b) {
            for secret in ["k", "d"].into_iter().filter(|name| a.get(name).is_some()) {
                assert_ne!(a[secret], b[secret]);
            }
        }
    }
}
