//! Timeouts of connections.

use std::time::Duration;

/// Default of [`ServerSettings::keep_alive_seconds`](super::ServerSettings::keep_alive_seconds).
pub const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// Minimum of that setting, in seconds: the other services of the chain keep idle connections for 30 s.
pub(super) const LEAST_KEEP_ALIVE: u64 = 35;

/// Timeout for closing a connection.
pub(super) const DISCONNECT_DEADLINE: Duration = Duration::from_secs(1);
/// Timeout of a TLS handshake; the head's deadline starts after it.
pub(super) const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(3);
/// Timeout of requests in flight at shutdown, in seconds; longer than any deadline between services.
pub(super) const IN_FLIGHT_SECONDS: u64 = 10;
