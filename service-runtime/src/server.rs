//! The server: listeners, workers, connection limits, admin endpoints and the graceful stop.

pub mod admin;
pub(crate) mod connection;
pub(crate) mod drain;
mod http_server;
mod listener;
mod listeners;
mod running;
mod settings;
mod start;
mod timeouts;
mod tls_server;
mod workers;

pub use connection::{ServerLimits, WRITE_DEADLINE, subscriber_network};
pub use listener::{AdditionalListener, AdminRoutes, Listener};
pub use listeners::{ANY_PORT, Listeners, bind};
pub use running::Running;
pub use settings::{AddressSettings, Addresses, ServerSettings};
pub use start::Service;
pub use timeouts::KEEP_ALIVE;
