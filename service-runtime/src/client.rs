//! Clients for other services: deadlines, connection pools, retries on stale connections, and in-process calls.

mod config;
mod connection;
mod http_transport;
mod in_process_transport;
mod pool;
mod probe;
mod service_client;
mod upstream_error;

pub use config::PeerConfig;
pub use service_client::ServiceClient;
pub use upstream_error::UpstreamError;

pub use crate::reqwest_client::{http_client, http_client_blocking};
