//! The PEM files of one side, reloaded on change.

use std::{
    fmt, fs,
    marker::PhantomData,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use rustls::{
    RootCertStore,
    crypto::{CryptoProvider, ring as provider},
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    sign::CertifiedKey,
};
use zeroize::Zeroizing;

use crate::{
    operator_file::{warn_if_exposed, without_byte_order_mark},
    watched_file::{FileSource, WatchedFile},
};

/// Poll interval.
pub const PERIOD: Duration = Duration::from_secs(1);

/// Paths of one side's files.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// Authorities that the other side's certificate must chain to.
    pub authorities: PathBuf,
    /// This side's own certificate, if it presents one.
    pub own: Option<OwnFiles>,
    /// Poll interval.
    pub period: Duration,
}

/// Paths of a side's own certificate.
#[derive(Clone, Debug)]
pub struct OwnFiles {
    /// The certificate chain, the side's own certificate first.
    pub certificate: PathBuf,
    /// The private key: PKCS#8, SEC1 or PKCS#1.
    pub key: PathBuf,
}

/// One of the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// [`TlsFiles::authorities`]
    Authorities,
    /// [`OwnFiles::certificate`]
    Certificate,
    /// [`OwnFiles::key`]
    Key,
}

/// Why files were rejected. One line that repeats nothing of their content.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct TlsError {
    /// The file.
    pub part: Part,
    reason: String,
}

impl TlsError {
    pub(super) fn new(part: Part, reason: impl fmt::Display) -> Self {
        Self { part, reason: reason.to_string() }
    }
}

/// The parsed content of the files.
pub(super) struct TlsMaterial {
    pub(super) authorities: RootCertStore,
    pub(super) own: Option<CertifiedKey>,
}

/// Built from the parsed files.
pub trait FromMaterial: Sized + Send + Sync + 'static {
    /// Builds it, or names the file that is invalid.
    #[allow(private_interfaces, reason = "only constructed in this module")]
    fn make(material: TlsMaterial) -> Result<Self, TlsError>;
}

/// The files of one side, and what is built from them.
pub struct TlsSource<T> {
    files: TlsFiles,
    built: PhantomData<fn() -> T>,
}

/// Files, and what was built from their last valid content.
pub type WatchedTls<T> = WatchedFile<TlsSource<T>>;

impl<T: FromMaterial> WatchedTls<T> {
    /// Loads the files for the first time.
    pub fn load_files(files: TlsFiles) -> Result<Arc<Self>, TlsError> {
        Self::load(TlsSource { files, built: PhantomData })
    }

    /// Reloads the files on change. Never returns; run it once, as a task.
    pub async fn follow_files(self: &Arc<Self>) {
        self.follow(self.source().files.period).await;
    }
}

impl<T: FromMaterial> FileSource for TlsSource<T> {
    type Content = Content;
    type Value = T;
    type Error = TlsError;

    fn paths(&self) -> Vec<&Path> {
        let TlsFiles { authorities, own, period: _ } = &self.files;
        let own = own.iter().flat_map(|own| [&own.certificate, &own.key]);
        [authorities].into_iter().chain(own).map(PathBuf::as_path).collect()
    }

    fn read(&self) -> Result<Content, TlsError> {
        Content::of(&self.files)
    }

    fn parts(content: &Content) -> Vec<&[u8]> {
        let (certificate, key) = content.own.as_ref().map_or((&[][..], &[][..]), |(one, other)| (one, other));
        vec![&content.authorities, certificate, key]
    }

    fn parse(&self, content: Content) -> Result<T, TlsError> {
        let value = T::make(content.material()?)?;
        self.files.warn_if_key_is_exposed();
        Ok(value)
    }

    fn log_loaded(&self, _: &T) {
        let file = self.files.path_of(Part::Authorities).display();
        tracing::info!(%file, "certificates reloaded");
    }

    fn log_rejected(&self, error: &TlsError) -> String {
        let file = self.files.path_of(error.part).display();
        tracing::error!(%file, reason = %error, "certificate file rejected, keeping the previous certificates");
        format!("{file}: {error}")
    }
}

impl TlsFiles {
    fn path_of(&self, part: Part) -> &PathBuf {
        match (part, &self.own) {
            (Part::Certificate, Some(own)) => &own.certificate,
            (Part::Key, Some(own)) => &own.key,
            (Part::Authorities | Part::Certificate | Part::Key, _) => &self.authorities,
        }
    }

    fn warn_if_key_is_exposed(&self) {
        if let Some(own) = &self.own {
            warn_if_exposed(&own.key);
        }
    }
}

/// The raw content of the files.
pub struct Content {
    authorities: Vec<u8>,
    own: Option<(Vec<u8>, Zeroizing<Vec<u8>>)>,
}

impl Content {
    fn of(files: &TlsFiles) -> Result<Self, TlsError> {
        let read = |part| {
            let content = fs::read(files.path_of(part));
            content.map_err(|error| TlsError::new(part, format_args!("cannot be read: {}", error.kind())))
        };
        let authorities = read(Part::Authorities)?;
        let own = match files.own {
            Some(_) => Some((read(Part::Certificate)?, Zeroizing::new(read(Part::Key)?))),
            None => None,
        };
        Ok(Self { authorities, own })
    }

    fn material(&self) -> Result<TlsMaterial, TlsError> {
        let mut authorities = RootCertStore::empty();
        for certificate in certificates(&self.authorities, Part::Authorities)? {
            authorities.add(certificate).map_err(|error| TlsError::new(Part::Authorities, error))?;
        }
        let own = match &self.own {
            None => None,
            Some((chain, key)) => {
                let chain = certificates(chain, Part::Certificate)?;
                let key = PrivateKeyDer::from_pem_slice(without_byte_order_mark(key))
                    .map_err(|_| TlsError::new(Part::Key, "holds no private key in PEM"))?;
                let own = CertifiedKey::from_der(chain, key, &provider());
                Some(own.map_err(|error| {
                    // Without rustls' error, which may repeat a part of the key.
                    let mismatch = matches!(error, rustls::Error::InconsistentKeys(_));
                    let what = if mismatch { "is not the key of the certificate" } else { "cannot be used" };
                    TlsError::new(Part::Key, what)
                })?)
            }
        };
        Ok(TlsMaterial { authorities, own })
    }
}

/// Parses at least one certificate.
fn certificates(pem: &[u8], part: Part) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let certificates: Result<Vec<_>, _> =
        CertificateDer::pem_slice_iter(without_byte_order_mark(pem)).collect();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) | Err(_) => Err(TlsError::new(part, "holds no certificates in PEM")),
    }
}

pub(super) fn provider() -> CryptoProvider {
    provider::default_provider()
}
