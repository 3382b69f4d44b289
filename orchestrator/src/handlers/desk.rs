//! Handlers of the desk's API: the arrows `Desk ->> FWO` (contract, section 11). The access policy has authenticated the
//! key, checked its scope and charged its limits before any of them runs.

mod conversations;
mod create_message;
mod messages;
mod paging;
mod participant_conversations;
pub(crate) mod resources;
mod update_conversation;

use std::sync::Arc;

use service_runtime::RequestContext;
use shared_types::{ApiKeySid, ConversationsServiceSid};

use self::resources::Resources;
pub use self::{
    conversations::{delete_conversation, fetch_conversation, list_conversations},
    create_message::create_message,
    messages::{delete_message, fetch_message, list_messages},
    participant_conversations::list_participant_conversations,
    update_conversation::update_conversation,
};
use crate::{accounts::Account, admission::answer_budget, error::Error, state::State};

/// Upper bound of one conversation in a response: name, attributes and the guest's form, escaped.
const CONVERSATION_BYTES: usize = 80 * 1024;

/// The desk that sent a request.
struct Desk {
    account: Arc<Account>,
    api_key: ApiKeySid,
    /// Makes resources with URLs under which the desk reached this service.
    resources: Resources,
}

impl Desk {
    /// The desk of an authenticated request. A path that names the service of another account is a 404.
    fn of(
        state: &State,
        context: &RequestContext<'_>,
        service: Option<ConversationsServiceSid>,
    ) -> Result<Self, Error> {
        let (account_sid, api_key) = context.account.zip(context.api_key).ok_or(Error::NotFound)?;
        let accounts = state.accounts.current();
        let account = accounts.account(&account_sid).cloned().ok_or(Error::NotFound)?;
        if service.is_some_and(|service| service != account.conversations_service_sid) {
            return Err(Error::NotFound);
        }
        let resources = Resources::new(state, context, &account, service)?;
        Ok(Self { account, api_key, resources })
    }

    /// Reserves memory for a response of at most `bytes`, before the store is read.
    fn reserve(&self, state: &State, context: &mut RequestContext<'_>, bytes: usize) -> Result<(), Error> {
        Ok(answer_budget::reserve_api_key(&state.answer_budget, context, self.api_key, bytes)?)
    }
}
