//! Timeouts of connections.

use std::time::Duration;

/// Longer than a client's idle timeout of 30 s; otherwise reused connections would fail at random.
pub(super) const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// Timeout for closing a connection.
pub(super) const DISCONNECT_DEADLINE: Duration = Duration::from_secs(1);
/// Timeout of a TLS handshake; the head's deadline starts after it.
pub(super) const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(3);
/// Timeout of requests in flight at shutdown, in seconds; longer than any deadline between services.
pub(super) const IN_FLIGHT_SECONDS: u64 = 10;
