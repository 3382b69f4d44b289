//! A certificate authority for one test, and the certificate files that it issues.

use std::{fs, path::Path};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, date_time_ymd,
};

/// A certificate authority.
pub struct Authority {
    certificate: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A defect of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// Valid.
    None,
    /// Its validity ended in 2001.
    Expired,
    /// Its subject alternative name is another IP address.
    OfAnotherHost,
}

impl Authority {
    /// Creates an authority with its own key.
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name = named(name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap().pem();
        Self { certificate, issuer: Issuer::new(params, key) }
    }

    /// The certificate of the authority, in PEM.
    pub fn pem(&self) -> &str {
        &self.certificate
    }

    /// Issues a certificate for 127.0.0.1 (server and client) as `<participant>.pem` and `<participant>.key` in the folder.
    pub fn issues(&self, participant: &str, folder: &Path, flaw: Flaw) {
        let host = if flaw == Flaw::OfAnotherHost { "10.9.8.7" } else { "127.0.0.1" };
        let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
        params.distinguished_name = named(participant);
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        if flaw == Flaw::Expired {
            params.not_after = date_time_ymd(2001, 1, 1);
        }
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        put(folder, &format!("{participant}.pem"), &certificate.pem());
        put(folder, &format!("{participant}.key"), &key.serialize_pem());
    }
}

/// Replaces a file atomically.
pub fn put(folder: &Path, name: &str, content: &str) {
    let temporary = folder.join(format!("{name}.new"));
    fs::write(&temporary, content).unwrap();
    fs::rename(temporary, folder.join(name)).unwrap();
}

fn named(name: &str) -> DistinguishedName {
    let mut names = DistinguishedName::new();
    names.push(DnType::CommonName, name);
    names
}
