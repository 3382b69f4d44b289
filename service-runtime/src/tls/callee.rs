//! The callee's side: it shows its certificate, and takes connections from callers alone whose certificate chains to an
//! authority of its own. Both may change while it serves. Nothing is resumed, so that every connection is judged by the
//! authorities of its own moment.

use std::{fmt, sync::Arc};

use rustls::{
    DigitallySignedStruct, DistinguishedName, Error, ServerConfig, SignatureScheme,
    client::danger::HandshakeSignatureValid,
    pki_types::{CertificateDer, UnixTime},
    server::{
        ClientHello, NoServerSessionStorage, ResolvesServerCert, WebPkiClientVerifier,
        danger::{ClientCertVerified, ClientCertVerifier},
    },
    sign::CertifiedKey,
    version::TLS13,
};

use super::files::{FromMaterial, Part, TlsError, TlsMaterial, WatchedFiles, provider};

/// What a callee shows and whom it takes, as its files say now.
pub struct Callee {
    shown: Arc<CertifiedKey>,
    callers: Arc<dyn ClientCertVerifier>,
}

/// The callee's files, followed.
pub type CalleeTls = Arc<WatchedFiles<Callee>>;

impl FromMaterial for Callee {
    #[allow(private_interfaces, reason = "see the trait")]
    fn make(TlsMaterial { authorities, own }: TlsMaterial) -> Result<Self, TlsError> {
        let shown = own.ok_or_else(|| TlsError::new(Part::Certificate, "is not set"))?;
        let callers =
            WebPkiClientVerifier::builder_with_provider(Arc::new(authorities), Arc::new(provider()))
                .build()
                .map_err(|error| TlsError::new(Part::Authorities, error))?;
        Ok(Self { shown: Arc::new(shown), callers })
    }
}

/// What the listener is given, once; it asks the files at every connection.
pub(crate) fn server_config(tls: &CalleeTls, service: &'static str) -> Result<ServerConfig, Error> {
    let asked = Arc::new(Asked { files: tls.clone(), service });
    let mut config = ServerConfig::builder_with_provider(Arc::new(provider()))
        .with_protocol_versions(&[&TLS13])?
        .with_client_cert_verifier(asked.clone())
        .with_cert_resolver(asked);
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(config)
}

struct Asked {
    files: CalleeTls,
    service: &'static str,
}

impl fmt::Debug for Asked {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the callee's certificates")
    }
}

impl ResolvesServerCert for Asked {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.files.current().shown.clone())
    }
}

impl ClientCertVerifier for Asked {
    /// Hints would be borrowed from files that may change; callers of ours have one certificate and need none.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verified = self.files.current().callers.verify_client_cert(end_entity, intermediates, now);
        if let Err(error) = &verified {
            tracing::warn!(service = self.service, reason = %error, "a caller's certificate was refused");
        }
        verified
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.files.current().callers.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.files.current().callers.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.files.current().callers.supported_verify_schemes()
    }
}
