//! The server side: presents its certificate and accepts only clients whose certificate chains to a configured
//! authority. Both are reloaded while it serves. Session resumption is off, so that every connection is verified
//! against the current authorities.

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

use super::files::{FromMaterial, Part, TlsError, TlsMaterial, WatchedTls, provider};

/// The server's certificate and client verifier, from the current files.
pub struct Callee {
    certificate: Arc<CertifiedKey>,
    clients: Arc<dyn ClientCertVerifier>,
}

/// The server's files, reloaded on change.
pub type CalleeTls = Arc<WatchedTls<Callee>>;

impl FromMaterial for Callee {
    #[allow(private_interfaces, reason = "see the trait")]
    fn make(TlsMaterial { authorities, own }: TlsMaterial) -> Result<Self, TlsError> {
        let certificate = own.ok_or_else(|| TlsError::new(Part::Certificate, "is not set"))?;
        let clients =
            WebPkiClientVerifier::builder_with_provider(Arc::new(authorities), Arc::new(provider()))
                .build()
                .map_err(|error| TlsError::new(Part::Authorities, error))?;
        Ok(Self { certificate: Arc::new(certificate), clients })
    }
}

/// The listener's configuration; reads the current files at every handshake.
pub(crate) fn server_config(tls: &CalleeTls, service: &'static str) -> Result<ServerConfig, Error> {
    let current = Arc::new(CurrentFiles { files: tls.clone(), service });
    let mut config = ServerConfig::builder_with_provider(Arc::new(provider()))
        .with_protocol_versions(&[&TLS13])?
        .with_client_cert_verifier(current.clone())
        .with_cert_resolver(current);
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(config)
}

struct CurrentFiles {
    files: CalleeTls,
    service: &'static str,
}

impl fmt::Debug for CurrentFiles {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the callee's certificates")
    }
}

impl ResolvesServerCert for CurrentFiles {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.files.current().certificate.clone())
    }
}

impl ClientCertVerifier for CurrentFiles {
    /// Hints would be borrowed from files that may change; a client has one certificate and needs none.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verified = self.files.current().clients.verify_client_cert(end_entity, intermediates, now);
        if let Err(error) = &verified {
            tracing::warn!(service = self.service, reason = %error, "client certificate rejected");
        }
        verified
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.files.current().clients.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.files.current().clients.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.files.current().clients.supported_verify_schemes()
    }
}
