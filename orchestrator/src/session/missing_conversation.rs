//! A guest without the requested conversation.

use shared_types::{AccountSid, Identity};

use crate::{error::Error, state::State};

/// The error for a guest who has no such conversation. An erased guest has none, so only then is the erasure looked up: its
/// token is then as good as revoked.
pub async fn missing(state: &State, account: AccountSid, identity: Identity) -> Result<Error, Error> {
    let is_erased = state.conversations.is_erased(account, identity).await?;
    Ok(if is_erased { Error::GuestErased } else { Error::NotFound })
}
