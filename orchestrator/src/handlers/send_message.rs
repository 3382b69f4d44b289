//! `B ->> FWO: POST /v2/WebChannels/CH…/Messages` (conversation diagram; contract, section 3).

use conversations::{Appended, NewMessage};
use service_runtime::RequestContext;
use shared_types::{
    MessageSid,
    desk::Side,
    orchestrator::{
        ConversationPath,
        list_messages::ChatMessage,
        send_message::{MAX_BODY, Request},
    },
};

use crate::{
    admission::{Route, rate_limit::Charge},
    error::Error,
    idempotency_key,
    session::{authenticate::authenticate, missing_conversation::missing},
    state::State,
    text,
};

/// Minimum size of a message in the byte budgets: about what its row takes on disk besides the text.
const MIN_MESSAGE_BYTES: u32 = 256;

/// Appends a message to the guest's own conversation. A repetition of an `Idempotency-Key` returns the first message, and
/// is charged as a call only. So a request with a key is charged as a message once it has proved to be none.
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
    let has_key = context.header(idempotency_key::HEADER).is_some();
    let charge = if has_key { Charge::Call } else { Charge::Message };
    let route = Route { guest_bytes, answer_bytes, ..Route::new(charge) };
    let (guest, admitted) = authenticate(state, context, route).await?;
    let body = text::cleaned(body);
    if !text::is_message(&body) {
        return Err(Error::InvalidField { field: "body", reason: text::EXPECTED_MESSAGE });
    }
    let author = guest.identity.to_string();
    let new = NewMessage {
        sid: MessageSid::from_bits(state.random.u128()),
        author: &author,
        body: &body,
        attributes: None,
        key: idempotency_key::of_request(context, &author)?,
        now: context.now,
    };
    admitted.reserve(state, context, 0)?;
    if has_key {
        // Keys of other guests differ, so this finds only messages of this one.
        if let Some(message) = state.conversations.by_idempotency_key(conversation_sid, &new).await? {
            return Ok(message.into());
        }
        admitted.charge_message(state, context)?;
    }
    admitted.charge_bytes(state, context, guest_bytes)?;
    let (account, identity) = (guest.account_sid, guest.identity);
    let appended = state.reporting(account).append_of_guest(account, identity, conversation_sid, new).await?;
    let Some(Appended { message, is_repeated }) = appended else {
        return Err(missing(state, account, identity).await?);
    };
    if !is_repeated {
        state.counters.message(account, Side::Guest);
    }
    Ok(message.into())
}
