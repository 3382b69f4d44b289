//! The PEM files of one side as they change: what the last good content of them made, and the follower that puts another
//! in its place. A change is taken whole; files that cannot be taken are reported, and what was made of them before stays.
//!
//! They are read again at an interval, and a change counts at the second read that shows it: a certificate and its key
//! are two files, and whoever replaces them does so one after the other.

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

use super::changes::Changes;

/// How often the files are read.
pub const PERIOD: Duration = Duration::from_secs(1);

/// Where one side's certificates are.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// The certificates that the other side's must chain to.
    pub authorities: PathBuf,
    /// This side's own chain and its key, if it shows one.
    pub own: Option<OwnFiles>,
    /// How often they are read.
    pub period: Duration,
}

/// A side's own certificate.
#[derive(Clone, Debug)]
pub struct OwnFiles {
    /// The chain, the side's own certificate first.
    pub certificate: PathBuf,
    /// Its key: PKCS#8, SEC1 or PKCS#1.
    pub key: PathBuf,
}

/// Which of the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// [`TlsFiles::authorities`]
    Authorities,
    /// [`OwnFiles::certificate`]
    Certificate,
    /// [`OwnFiles::key`]
    Key,
}

/// Why the files cannot be taken. One line, which repeats nothing of them.
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

/// What the files hold.
pub(super) struct TlsMaterial {
    pub(super) authorities: RootCertStore,
    pub(super) own: Option<CertifiedKey>,
}

/// What can be made of files.
pub trait FromMaterial: Sized + Send + Sync + 'static {
    /// Makes it, or says which file is in the way.
    #[allow(private_interfaces, reason = "made here alone")]
    fn make(material: TlsMaterial) -> Result<Self, TlsError>;
}

/// The files and what their last good content made.
pub struct WatchedFiles<T> {
    files: TlsFiles,
    current: ArcSwap<T>,
    loaded: ContentHash,
    generation: AtomicU64,
    changes: watch::Sender<u64>,
}

/// The SHA-256 of what was read, since a copy of a key is better not kept; or which file could not be read.
pub(super) type ContentHash = Result<[u8; 32], TlsError>;

impl<T: FromMaterial> WatchedFiles<T> {
    /// Reads the files for the first time; without good ones there is nothing to begin with.
    pub fn load(files: TlsFiles) -> Result<Arc<Self>, TlsError> {
        let read = Read::of(&files)?;
        let current = ArcSwap::from_pointee(T::make(read.material()?)?);
        let (changes, _) = watch::channel(0);
        Ok(Arc::new(Self {
            files,
            current,
            loaded: Ok(read.digest()),
            generation: AtomicU64::new(0),
            changes,
        }))
    }

    /// What the last good content made.
    pub fn current(&self) -> Guard<Arc<T>> {
        self.current.load()
    }

    /// How often that has changed. A connection of an earlier generation is let go at its next answer.
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Tells of every change of the files, good or bad, once [`current`](Self::current) reflects what became of it.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Reads the files again and again and takes a change that has come to rest. Never ends; to be run once, as a task
    /// of its own.
    pub async fn follow(&self) {
        let mut ticks = interval(self.files.period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut changes, mut loaded) = (Changes::since(self.loaded.clone()), self.loaded.clone());
        loop {
            ticks.tick().await;
            let read = Read::of(&self.files);
            let seen = read.as_ref().map(Read::digest).map_err(Clone::clone);
            if changes.is_stable(&seen) {
                // Files that are again as they were loaded are no reason to let connections go.
                let taken = if seen == loaded { Ok(()) } else { self.take(read) };
                if taken.is_ok() {
                    loaded = seen;
                }
                self.tell(taken);
            }
        }
    }

    fn take(&self, read: Result<Read, TlsError>) -> Result<(), TlsError> {
        self.current.store(Arc::new(T::make(read?.material()?)?));
        self.generation.fetch_add(1, Ordering::AcqRel);
        Ok(())
    }

    fn tell(&self, taken: Result<(), TlsError>) {
        match taken {
            Ok(()) => {
                let file = self.files.path_of(Part::Authorities).display();
                tracing::info!(%file, "the certificates were reloaded");
            }
            Err(error) => {
                let file = self.files.path_of(error.part).display();
                tracing::error!(%file, reason = %error, "the certificates stay as they were: a file cannot be taken");
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
}

/// The files' content, whatever it is.
struct Read {
    authorities: Vec<u8>,
    own: Option<(Vec<u8>, Zeroizing<Vec<u8>>)>,
}

impl Read {
    fn of(files: &TlsFiles) -> Result<Self, TlsError> {
        let read = |part| {
            fs::read(files.path_of(part))
                .map_err(|error| TlsError::new(part, format_args!("cannot be read: {}", error.kind())))
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
                let key = PrivateKeyDer::from_pem_slice(key)
                    .map_err(|_| TlsError::new(Part::Key, "holds no private key in PEM"))?;
                let own = CertifiedKey::from_der(chain, key, &provider());
                Some(own.map_err(|error| {
                    // Nothing else of the error: what it says of a key may repeat a part of it.
                    let mismatch = matches!(error, rustls::Error::InconsistentKeys(_));
                    let what = if mismatch { "is not the key of the certificate" } else { "cannot be used" };
                    TlsError::new(Part::Key, what)
                })?)
            }
        };
        Ok(TlsMaterial { authorities, own })
    }
}

/// At least one.
fn certificates(pem: &[u8], part: Part) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) | Err(_) => Err(TlsError::new(part, "holds no certificates in PEM")),
    }
}

pub(super) fn provider() -> CryptoProvider {
    provider::default_provider()
}
