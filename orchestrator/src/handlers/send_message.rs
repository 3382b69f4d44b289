//! `B ->> FWO: POST /v2/WebChannels/CH…/Messages` (conversation diagram; contract, section 3).

use service_runtime::Call;
use shared_types::{
    MessageSid,
    orchestrator::{
        ConversationPath,
        list_messages::ChatMessage,
        send_message::{MAX_BODY, Request},
    },
};

use crate::{answer_budget, app::Orchestrator, error::Error, guest};

/// Appends what the guest wrote to the guest's own conversation.
pub async fn send_message(
    fwo: &Orchestrator,
    call: &mut Call<'_>,
    ConversationPath { conversation_sid }: ConversationPath,
    Request { body }: Request,
) -> Result<ChatMessage, Error> {
    // The answer repeats it, with each character escaped at the most.
    let bytes = 2 * body.len() + 512;
    answer_budget::check(fwo, call, bytes)?;
    let guest = guest::of_call(fwo, call).await?;
    let plain = |c: char| !c.is_control() || matches!(c, '\n' | '\r' | '\t');
    if body.is_empty() || body.len() > MAX_BODY || !body.chars().all(plain) {
        return Err(Error::InvalidField { field: "body", reason: "expected plain text of 1 to 4096 bytes" });
    }
    answer_budget::reserve(fwo, call, bytes)?;
    let sid = MessageSid::from_bits(fwo.random.u128());
    let author = guest.identity.to_string();
    let appended = fwo
        .conversations
        .append(guest.account_sid, guest.identity, conversation_sid, sid, &author, &body, call.now)
        .await?;
    appended.ok_or(Error::NotFound)
}
