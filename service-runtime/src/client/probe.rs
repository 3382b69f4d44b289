//! Readiness probe of the called service.

use tokio::time::timeout;

use super::{config::PeerConfig, http_transport::Http, upstream_error::UpstreamError};

impl PeerConfig {
    /// Whether the service is reachable and accepts this service's credential. Sends `path` with a method that it does
    /// not support, on a new connection.
    pub async fn probe(&self, path: &str) -> Result<(), String> {
        if let Some(callee) = &self.in_process {
            return (callee.check)().await;
        }
        let response = timeout(self.timeout, Http::new(self).probe(path)).await;
        match response.unwrap_or(Err(UpstreamError::Timeout { peer: self.name })) {
            Ok(Http::PROBE_STATUS) => Ok(()),
            Ok(status) => Err(format!("{} responded {status}", self.name)),
            Err(error) => Err(error.to_string()),
        }
    }
}
