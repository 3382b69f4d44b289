//! `Desk ->> FWO: POST /v1/Conversations/CH…/Messages`: the desk writes.

use conversations::{Appended, MESSAGE_ENVELOPE, NewMessage, SYSTEM};
use serde_json::{Map, Value};
use service_runtime::RequestContext;
use shared_types::{
    ConversationSid, MessageSid,
    desk::{
        ConversationPath, DeskMessage, Side,
        create_message::{MAX_ATTRIBUTES, MAX_AUTHOR, Request},
    },
};

use super::Desk;
use crate::{error::Error, idempotency_key, state::State, text};

/// `POST /v1/Conversations/CH…/Messages`
pub async fn create_message(
    state: &State,
    context: &mut RequestContext<'_>,
    ConversationPath { service_sid, conversation_sid }: ConversationPath,
    Request { author, body, attributes }: Request,
) -> Result<DeskMessage, Error> {
    let desk = Desk::of(state, context, service_sid)?;
    let author = author.as_deref().unwrap_or(SYSTEM);
    if !is_name(author) {
        let reason = "expected 1 to 256 characters without control characters, and no UUID";
        return Err(Error::InvalidField { field: "Author", reason });
    }
    let body = text::cleaned(body);
    if !text::is_message(&body) {
        return Err(Error::InvalidField { field: "Body", reason: text::EXPECTED_MESSAGE });
    }
    let attributes = attributes.map(|text| attributes_of(&text).map(|_| text)).transpose()?;
    let key = idempotency_key::of_request(context, &desk.api_key.to_string())?;
    // The response repeats the texts, with every character escaped at worst.
    let texts = author.len() + body.len() + attributes.as_ref().map_or(0, String::len);
    desk.reserve(state, context, 2 * texts + MESSAGE_ENVELOPE)?;
    let new = NewMessage {
        sid: MessageSid::from_bits(state.random.u128()),
        author,
        body: &body,
        attributes: attributes.as_deref(),
        key,
        now: context.now,
    };
    let Appended { message, is_repeated } = write(state, context, &desk, conversation_sid, new).await?;
    if !is_repeated {
        state.counters.message(desk.account.sid, Side::Desk);
    }
    Ok(desk.resources.message(conversation_sid, message))
}

/// Appends the message. A repetition of a key returns the first message, whatever happened to the conversation since.
async fn write(
    state: &State,
    context: &RequestContext<'_>,
    desk: &Desk,
    conversation: ConversationSid,
    new: NewMessage<'_>,
) -> Result<Appended, Error> {
    let account = desk.account.sid;
    if new.key.is_some() {
        // A key belongs to an account, so it cannot find messages of another one.
        if let Some(message) = state.conversations.by_idempotency_key(conversation, &new).await? {
            return Ok(Appended { message, is_repeated: true });
        }
    }
    // Before the write: a waiting request continues at the commit.
    context.step("Stores the message and notifies the hub");
    state.reporting(account).append_of_desk(account, conversation, new).await?.ok_or(Error::NotFound)
}

/// Parses a JSON object as text.
pub(super) fn attributes_of(text: &str) -> Result<Map<String, Value>, Error> {
    let object = (text.len() <= MAX_ATTRIBUTES).then(|| text::json(text)).flatten();
    let reason = "expected a JSON object as text, of at most 16384 bytes";
    object.ok_or(Error::InvalidField { field: "Attributes", reason })
}

/// Whether a desk may write under this name: not as a guest, whose names are UUIDs, in any spelling.
fn is_name(author: &str) -> bool {
    let letters: String = author.chars().filter(char::is_ascii_alphanumeric).collect();
    let hex = letters.strip_prefix("urnuuid").unwrap_or(&letters);
    let is_uuid = hex.len() == 32 && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
    let length = author.chars().count();
    (1..=MAX_AUTHOR).contains(&length) && !author.trim().is_empty() && !is_uuid && !text::has_controls(author)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_desk_has_a_name_of_its_own() {
        for name in ["system", "Ada", "Zoë Ω 👋", &"x".repeat(256), "0b0e7a3c"] {
            assert!(is_name(name), "{name}");
        }
        let uuid = "0b0e7a3c-52a1-4b57-8f1e-5d2f4f1c9a77";
        for name in [
            "",
            " ",
            &"x".repeat(257),
            "a\nb",
            "a\u{202e}b",
            "a\u{2066}b",
            uuid,
            &uuid.to_uppercase(),
            &uuid.replace('-', ""),
            &format!("{{{uuid}}}"),
            &format!(" {uuid} "),
            &format!("urn:uuid:{uuid}"),
            &uuid.replace('-', "\u{2010}"),
            &format!("{uuid}\u{200b}"),
        ] {
            assert!(!is_name(name), "{name:?}");
        }
    }
}
