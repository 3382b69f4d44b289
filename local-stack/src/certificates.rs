//! Certificates for HTTPS between the services of a stack: a folder with an authority and one certificate per participant,
//! under the file names of the runbook.

use std::{path::PathBuf, time::Duration};

use service_runtime::{
    command::StartError,
    tls::{CalleeTls, CallerTls, FromMaterial, OwnFiles, TlsFiles, WatchedTls},
};

/// A folder with `ca.pem`, and `<participant>.pem` with `<participant>.key`.
#[derive(Clone, Debug)]
pub struct Certificates {
    /// The folder.
    pub folder: PathBuf,
    /// Interval at which it is checked for changes.
    pub period: Duration,
}

/// The loaded certificates of each side.
#[derive(Clone, Default)]
pub struct Sides {
    pub(crate) to_federated_auth: Option<CallerTls>,
    pub(crate) federated_auth: Option<CalleeTls>,
    pub(crate) to_scoped_auth: Option<CallerTls>,
    pub(crate) scoped_auth: Option<CalleeTls>,
}

impl Sides {
    /// Waits until every side has reloaded its certificates this many times since the start.
    pub async fn have_changed(&self, times: u64) {
        for side in [&self.to_federated_auth, &self.to_scoped_auth].into_iter().flatten() {
            changed(side, times).await;
        }
        for side in [&self.federated_auth, &self.scoped_auth].into_iter().flatten() {
            changed(side, times).await;
        }
    }
}

async fn changed<T: FromMaterial>(side: &WatchedTls<T>, times: u64) {
    let mut changes = side.reloads();
    while side.version() < times && changes.changed().await.is_ok() {}
}

impl Certificates {
    pub(crate) fn load(&self) -> Result<Sides, StartError> {
        Ok(Sides {
            to_federated_auth: Some(self.side("orchestrator")?),
            federated_auth: Some(self.side("federated-auth")?),
            to_scoped_auth: Some(self.side("federated-auth")?),
            scoped_auth: Some(self.side("scoped-auth")?),
        })
    }

    fn side<T: FromMaterial>(&self, participant: &str) -> Result<std::sync::Arc<WatchedTls<T>>, StartError> {
        let file = |name: String| self.folder.join(name);
        let own = OwnFiles {
            certificate: file(format!("{participant}.pem")),
            key: file(format!("{participant}.key")),
        };
        let files = TlsFiles { authorities: file("ca.pem".to_owned()), own: Some(own), period: self.period };
        Ok(WatchedTls::load_files(files)?)
    }
}
