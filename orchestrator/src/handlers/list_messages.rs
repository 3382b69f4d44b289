//! `B ->> FWO: GET /v2/WebChannels/CH…/Messages` (conversation diagram; contract, section 3).

use service_runtime::Call;
use shared_types::orchestrator::{
    ConversationPath,
    list_messages::{PAGE, PAGE_BYTES, Request, Response},
};

use crate::{answer_budget, app::Orchestrator, error::Error, guest, rate_limit::Charge};

/// Tells the messages of the guest's own conversation; another's reads as absent.
pub async fn list_messages(
    fwo: &Orchestrator,
    call: &mut Call<'_>,
    ConversationPath { conversation_sid }: ConversationPath,
    Request { after }: Request,
) -> Result<Response, Error> {
    answer_budget::check(fwo, call, PAGE_BYTES)?;
    let (guest, _) = guest::of_call(fwo, call, Charge::Call, 0).await?;
    answer_budget::reserve(fwo, call, PAGE_BYTES)?;
    let page =
        fwo.conversations.messages(guest.account_sid, guest.identity, conversation_sid, after, PAGE).await?;
    page.ok_or(Error::NotFound)
}
