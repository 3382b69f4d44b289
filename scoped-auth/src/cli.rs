//! Subcommands of `scoped-auth`: `keys …`, `migrate` and `revoke`.

mod revoke_tool;
mod tools;

use chrono::{DateTime, SecondsFormat, Utc};

pub(crate) use self::{
    revoke_tool::REVOKE,
    tools::{KEYS, MIGRATE},
};

/// A time in RFC 3339, in whole seconds of UTC.
fn rfc3339(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}
