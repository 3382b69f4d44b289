//! The assertion in the answer to a proxy (contract, section 13).

use crate::session::authenticate::Guest;

/// The assertion of `guest` for the audience that the proxy asks for; `None` if it asks for none. No account has audiences,
/// so there is none for any.
pub fn of_guest(_guest: &Guest, _audience: Option<&str>) -> Option<String> {
    None
}
