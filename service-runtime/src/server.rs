//! The server: listeners, workers, connection limits, admin endpoints and the graceful stop.

pub mod admin;
pub(crate) mod connection;
pub(crate) mod drain;
mod http_server;
mod listeners;
mod running;
mod start;
mod timeouts;
mod tls_server;
mod workers;

pub use connection::{ServerLimits, WRITE_DEADLINE, subscriber_network};
pub use listeners::{ANY_PORT, Listeners};
pub use running::Running;
pub use start::{OperatorRoutes, Service};
