//! `B ->> FWO: POST /v2/WebChannels/CH…/Messages` (conversation diagram; contract, section 3).

use service_runtime::RequestContext;
use shared_types::{
    MessageSid,
    orchestrator::{
        ConversationPath,
        list_messages::ChatMessage,
        send_message::{MAX_BODY, Request},
    },
};

use crate::{answer_budget, error::Error, guest, rate_limit::Charge, state::State};

/// What a message counts for at least in the budgets of bytes: about what its row takes on the disk beside the text.
const LEAST_OF_MESSAGE: u32 = 256;

/// Appends what the guest wrote to the guest's own conversation.
pub async fn send_message(
    state: &State,
    call: &mut RequestContext<'_>,
    ConversationPath { conversation_sid }: ConversationPath,
    Request { body }: Request,
) -> Result<ChatMessage, Error> {
    // The answer repeats it, with each character escaped at the most.
    let bytes = 2 * body.len() + 512;
    answer_budget::check(state, call, bytes)?;
    let length = u32::try_from(body.len().min(MAX_BODY)).unwrap_or(u32::MAX);
    let guest_bytes = length.max(LEAST_OF_MESSAGE);
    let (guest, admitted) = guest::authenticate(state, call, Charge::Message, guest_bytes).await?;
    let plain = |c: char| !c.is_control() || matches!(c, '\n' | '\r' | '\t');
    if body.is_empty() || body.len() > MAX_BODY || !body.chars().all(plain) {
        return Err(Error::InvalidField { field: "body", reason: "expected plain text of 1 to 32768 bytes" });
    }
    answer_budget::reserve(state, call, bytes)?;
    admitted.store(state, call, guest_bytes)?;
    let sid = MessageSid::from_bits(state.random.u128());
    let author = guest.identity.to_string();
    let appended = state
        .conversations
        .append(guest.account_sid, guest.identity, conversation_sid, sid, &author, &body, call.now)
        .await?;
    appended.ok_or(Error::NotFound)
}
