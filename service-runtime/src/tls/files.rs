//! The PEM files of one side, reloaded on change. A change is applied as a whole; invalid files are logged and the
//! previous ones stay in use.
//!
//! The files are polled, and a change counts at the second read that shows it ([`Debounce`]): a certificate and its key
//! are two files, replaced one after the other.

use std::{
    fmt, fs,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use arc_swap::{ArcSwap, Guard};
use ring::digest::{Context, SHA256};
use rustls::{
    RootCertStore,
    crypto::{CryptoProvider, ring as provider},
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    sign::CertifiedKey,
};
use tokio::{
    sync::watch,
    time::{MissedTickBehavior, interval},
};
use zeroize::Zeroizing;

use crate::{
    operator_file::{warn_if_exposed, without_byte_order_mark},
    watched_file::Debounce,
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

/// Files and what was built from their last valid content.
pub struct WatchedFiles<T> {
    files: TlsFiles,
    current: ArcSwap<T>,
    loaded: ContentHash,
    generation: AtomicU64,
    changes: watch::Sender<u64>,
}

/// SHA-256 of the content, to avoid keeping a copy of a key; or the file that could not be read.
type ContentHash = Result<[u8; 32], TlsError>;

impl<T: FromMaterial> WatchedFiles<T> {
    /// Reads the files for the first time.
    pub fn load(files: TlsFiles) -> Result<Arc<Self>, TlsError> {
        let read = Read::of(&files)?;
        let current = ArcSwap::from_pointee(T::make(read.material()?)?);
        files.warn_if_key_is_exposed();
        let (changes, _) = watch::channel(0);
        Ok(Arc::new(Self {
            files,
            current,
            loaded: Ok(read.digest()),
            generation: AtomicU64::new(0),
            changes,
        }))
    }

    /// Built from the last valid content.
    pub fn current(&self) -> Guard<Arc<T>> {
        self.current.load()
    }

    /// Number of reloads. A connection of an earlier generation closes after its next response.
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Notifies of every change, valid or not, after [`current`](Self::current) reflects it.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Polls the files and applies stable changes. Never returns; run it once, as a task.
    pub async fn follow(&self) {
        let mut ticks = interval(self.files.period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut changes, mut loaded) = (Debounce::new(self.loaded.clone()), self.loaded.clone());
        loop {
            ticks.tick().await;
            let read = Read::of(&self.files);
            let seen = read.as_ref().map(Read::digest).map_err(Clone::clone);
            if changes.observe(seen.clone()) {
                // If the files are back to the loaded content, connections need not be closed.
                let applied = if seen == loaded { Ok(()) } else { self.apply(read) };
                if applied.is_ok() {
                    loaded = seen;
                }
                self.log_reload(applied);
            }
        }
    }

    fn apply(&self, read: Result<Read, TlsError>) -> Result<(), TlsError> {
        self.current.store(Arc::new(T::make(read?.material()?)?));
        self.generation.fetch_add(1, Ordering::AcqRel);
        self.files.warn_if_key_is_exposed();
        Ok(())
    }

    fn log_reload(&self, applied: Result<(), TlsError>) {
        match applied {
            Ok(()) => {
                let file = self.files.path_of(Part::Authorities).display();
                tracing::info!(%file, "certificates reloaded");
            }
            Err(error) => {
                let file = self.files.path_of(error.part).display();
                tracing::error!(%file, reason = %error, "certificate file rejected, keeping the previous certificates");
            }
        }
        self.changes.send_modify(|changes| *changes += 1);
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
struct Read {
    authorities: Vec<u8>,
    own: Option<(Vec<u8>, Zeroizing<Vec<u8>>)>,
}

impl Read {
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

    fn digest(&self) -> [u8; 32] {
        let mut context = Context::new(&SHA256);
        let (certificate, key) = self.own.as_ref().map_or((&[][..], &[][..]), |(one, other)| (one, other));
        for content in [&self.authorities, certificate, key] {
            context.update(&content.len().to_be_bytes());
            context.update(content);
        }
        let mut digest = [0; 32];
        digest.copy_from_slice(context.finish().as_ref());
        digest
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
