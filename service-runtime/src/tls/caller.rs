//! The client side: verifies the server's certificate, and presents its own if the server requests one.

use std::sync::Arc;

use rustls::{ClientConfig, Error, client::Resumption, sign::SingleCertAndKey, version::TLS13};
use rustls_platform_verifier::BuilderVerifierExt;

use super::files::{FromMaterial, Part, TlsError, TlsMaterial, WatchedTls, provider};

/// The client configuration, from the current files.
pub struct Caller(Arc<ClientConfig>);

/// The client's files, reloaded on change.
pub type CallerTls = Arc<WatchedTls<Caller>>;

impl Caller {
    /// The client configuration.
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
        Ok(Self(Arc::new(http1_without_resumption(config))))
    }
}

/// The client configuration for a server on the internet: the operating system's roots.
pub(crate) fn platform_config() -> Result<Arc<ClientConfig>, Error> {
    let config = ClientConfig::builder_with_provider(Arc::new(provider()))
        .with_safe_default_protocol_versions()?
        .with_platform_verifier()?
        .with_no_client_auth();
    Ok(Arc::new(http1_without_resumption(config)))
}

fn http1_without_resumption(mut config: ClientConfig) -> ClientConfig {
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.resumption = Resumption::disabled();
    config
}
