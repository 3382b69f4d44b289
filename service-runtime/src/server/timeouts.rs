//! Timeouts of connections.

use std::time::Duration;

use crate::settings::{Requirement, Setting, SettingError, Settings};

/// Default of [`KEEP_ALIVE_SETTING`].
pub const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// How long an idle connection stays open: longer than its client keeps it, which would otherwise send a request just as
/// the service closes.
pub const KEEP_ALIVE_SETTING: Setting = Setting {
    name: "keep_alive_seconds",
    default: Requirement::Default("75"),
    help: "How long idle connections stay open: longer than any client or load balancer keeps them, Google's for instance 600 s",
};

/// The other services of the chain keep idle connections for 30 s.
const LEAST_KEEP_ALIVE: u64 = 35;

/// Reads [`KEEP_ALIVE_SETTING`].
pub fn keep_alive(settings: &Settings) -> Result<Duration, SettingError> {
    settings.number(KEEP_ALIVE_SETTING.name, LEAST_KEEP_ALIVE, 3600).map(Duration::from_secs)
}

/// Timeout for closing a connection.
pub(super) const DISCONNECT_DEADLINE: Duration = Duration::from_secs(1);
/// Timeout of a TLS handshake; the head's deadline starts after it.
pub(super) const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(3);
/// Timeout of requests in flight at shutdown, in seconds; longer than any deadline between services.
pub(super) const IN_FLIGHT_SECONDS: u64 = 10;
