//! Configuration of a client.

use std::time::Duration;

use tokio::task::JoinHandle;

use crate::{http::ServiceCredential, in_process::InProcess, tls::CallerTls};

/// Configuration of a [`ServiceClient`](super::ServiceClient).
#[derive(Clone)]
pub struct PeerConfig {
    /// The called participant's name.
    pub name: &'static str,
    /// Its base URL, without a trailing slash.
    pub base_url: String,
    /// The service credential that authenticates this service.
    pub credential: Option<ServiceCredential>,
    /// Deadline of a request as a whole; shorter than the caller's own deadline.
    pub timeout: Duration,
    /// Configured certificates. Without them, an https URL is verified against the operating system's roots.
    pub tls: Option<CallerTls>,
    /// The called service, if it runs in this process. The URL is then unused.
    pub in_process: Option<InProcess>,
}

impl PeerConfig {
    /// Starts the task that reloads the certificate files, if there are any.
    pub fn follow(&self) -> Option<JoinHandle<()>> {
        let files = self.tls.clone()?;
        Some(tokio::spawn(async move { files.follow_files().await }))
    }
}
