//! `B ->> FWO: GET /v2/WebChannels/CH…/Messages` (conversation diagram; contract, section 3).

use service_runtime::RequestContext;
use shared_types::orchestrator::{
    ConversationPath,
    list_messages::{PAGE, PAGE_BYTES, Request, Response},
};

use crate::{answer_budget, error::Error, guest, rate_limit::Charge, state::State};

/// Tells the messages of the guest's own conversation; another's reads as absent.
pub async fn list_messages(
    state: &State,
    call: &mut RequestContext<'_>,
    ConversationPath { conversation_sid }: ConversationPath,
    Request { after }: Request,
) -> Result<Response, Error> {
    answer_budget::check(state, call, PAGE_BYTES)?;
    let (guest, _) = guest::authenticate(state, call, Charge::Call, 0).await?;
    answer_budget::reserve(state, call, PAGE_BYTES)?;
    let page = state
        .conversations
        .messages(guest.account_sid, guest.identity, conversation_sid, after, PAGE)
        .await?;
    page.ok_or(Error::NotFound)
}
