//! The caller's side: whose certificate it believes, and its own, which it shows where it is asked for one.

use std::sync::Arc;

use rustls::{ClientConfig, Error, client::Resumption, sign::SingleCertAndKey, version::TLS13};
use rustls_platform_verifier::BuilderVerifierExt;

use super::files::{FromMaterial, Part, TlsError, TlsMaterial, WatchedFiles, provider};

/// How a connection is made, as the files say now.
pub struct Caller(Arc<ClientConfig>);

/// The caller's files, followed.
pub type CallerTls = Arc<WatchedFiles<Caller>>;

impl Caller {
    /// How a connection is made.
    pub(crate) fn config(&self) -> Arc<ClientConfig> {
        self.0.clone()
    }
}

impl FromMaterial for Caller {
    #[allow(private_interfaces, reason = "see the trait")]
    fn make(TlsMaterial { authorities, own }: TlsMaterial) -> Result<Self, TlsError> {
        let config = ClientConfig::builder_with_provider(Arc::new(provider()))
            .with_protocol_versions(&[&TLS13])
            .map_err(|error| TlsError::new(Part::Authorities, error))?
            .with_root_certificates(authorities);
        let config = match own {
            Some(own) => config.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(own))),
            None => config.with_no_client_auth(),
        };
        Ok(Self(Arc::new(spoken(config))))
    }
}

/// How a peer on the internet is called: by the authorities of the operating system.
pub(crate) fn of_the_system() -> Result<Arc<ClientConfig>, Error> {
    let config = ClientConfig::builder_with_provider(Arc::new(provider()))
        .with_safe_default_protocol_versions()?
        .with_platform_verifier()?
        .with_no_client_auth();
    Ok(Arc::new(spoken(config)))
}

fn spoken(mut config: ClientConfig) -> ClientConfig {
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.resumption = Resumption::disabled();
    config
}
