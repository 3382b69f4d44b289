//! `B ->> FWO: GET /v2/WebChannels/CH…/Messages` (conversation diagram; contract, section 3).

use service_runtime::Call;
use shared_types::{
    json,
    orchestrator::{
        ConversationPath,
        list_messages::{ChatMessage, PAGE, PAGE_BYTES, Request, Response},
    },
};

use crate::{answer_budget, app::Orchestrator, error::Error, guest};

/// `{"messages":[]}`
const ENVELOPE: usize = 15;

/// Tells the messages of the guest's own conversation; another's reads as absent.
pub async fn list_messages(
    fwo: &Orchestrator,
    call: &mut Call<'_>,
    ConversationPath { conversation_sid }: ConversationPath,
    Request { after }: Request,
) -> Result<Response, Error> {
    answer_budget::check(fwo, call, PAGE_BYTES)?;
    let guest = guest::of_call(fwo, call).await?;
    answer_budget::reserve(fwo, call, PAGE_BYTES)?;
    let messages =
        fwo.conversations.messages(guest.account_sid, guest.identity, conversation_sid, after, PAGE).await?;
    Ok(Response { messages: page(messages.ok_or(Error::NotFound)?) })
}

/// The messages before the one that takes the answer over its size; at least one.
fn page(mut messages: Vec<ChatMessage>) -> Vec<ChatMessage> {
    let mut bytes = ENVELOPE;
    let fits = |message: &ChatMessage| {
        bytes += json::to_vec(message).map_or(0, |encoded| encoded.len()) + 1;
        bytes <= PAGE_BYTES
    };
    let length = messages.iter().map(fits).take_while(|fits| *fits).count();
    messages.truncate(length.max(1));
    messages
}
