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

use crate::{
    admission::{Route, rate_limit::Charge},
    error::Error,
    session::authenticate::authenticate,
    state::State,
};

/// Minimum size of a message in the byte budgets: about what its row takes on disk besides the text.
const MIN_MESSAGE_BYTES: u32 = 256;

/// Appends a message to the guest's own conversation.
pub async fn send_message(
    state: &State,
    context: &mut RequestContext<'_>,
    ConversationPath { conversation_sid }: ConversationPath,
    Request { body }: Request,
) -> Result<ChatMessage, Error> {
    let length = u32::try_from(body.len().min(MAX_BODY)).unwrap_or(u32::MAX);
    let guest_bytes = length.max(MIN_MESSAGE_BYTES);
    // The response repeats the body, with every character escaped at worst.
    let answer_bytes = 2 * body.len() + 512;
    let route = Route { guest_bytes, answer_bytes, ..Route::new(Charge::Message) };
    let (guest, admitted) = authenticate(state, context, route).await?;
    let plain = |c: char| !c.is_control() || matches!(c, '\n' | '\r' | '\t');
    if body.is_empty() || body.len() > MAX_BODY || !body.chars().all(plain) {
        return Err(Error::InvalidField { field: "body", reason: "expected plain text of 1 to 32768 bytes" });
    }
    admitted.reserve(state, context, guest_bytes)?;
    let sid = MessageSid::from_bits(state.random.u128());
    let author = guest.identity.to_string();
    let appended = state
        .conversations
        .append(guest.account_sid, guest.identity, conversation_sid, sid, &author, &body, context.now)
        .await?;
    appended.ok_or(Error::NotFound)
}
