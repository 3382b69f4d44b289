//! `B ->> FWO: GET /v2/WebChannels/CH…/Messages` (conversation diagram; contract, section 3).

use conversations::Range;
use service_runtime::RequestContext;
use shared_types::orchestrator::{
    ConversationPath,
    list_messages::{PAGE, PAGE_BYTES, Request, Response},
};

use crate::{
    admission::{Route, rate_limit::Charge},
    error::Error,
    session::{authenticate::authenticate, missing_conversation::missing},
    state::State,
};

/// Returns a page of messages of the guest's own conversation. Another guest's conversation is a 404, like a missing one.
pub async fn list_messages(
    state: &State,
    context: &mut RequestContext<'_>,
    ConversationPath { conversation_sid }: ConversationPath,
    Request { after }: Request,
) -> Result<Response, Error> {
    let route = Route { answer_bytes: PAGE_BYTES, ..Route::new(Charge::Call) };
    let (guest, admitted) = authenticate(state, context, route).await?;
    admitted.reserve(state, context, 0)?;
    let (account, identity) = (guest.account_sid, guest.identity);
    let page =
        state.conversations.messages(account, identity, conversation_sid, Range::After(after), PAGE).await?;
    match page {
        Some(page) => Ok(page),
        None => Err(missing(state, account, identity).await?),
    }
}
