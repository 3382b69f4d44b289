//! The body of a webhook: an event, with the message as the desk reads it at that moment (Standard Webhooks, "Payload
//! structure").

use chrono::{DateTime, SecondsFormat, Utc};
use conversations::{Conversations, Event, EventType, StoreError};
use serde::Serialize;
use shared_types::{AccountSid, ConversationSid, desk::DeskMessage};

use crate::{accounts::Account, handlers::desk::resources::Resources};

#[derive(Serialize)]
struct Body<'a> {
    r#type: &'static str,
    /// When it happened.
    timestamp: String,
    data: Data<'a>,
}

#[derive(Serialize)]
struct Data<'a> {
    account_sid: AccountSid,
    conversation_sid: ConversationSid,
    index: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a DeskMessage>,
}

/// The body of an event, as JSON. `desk_url` is the URL under which desks reach this service. A message that is no longer
/// kept is absent.
pub(super) async fn of_event(
    conversations: &Conversations,
    account: &Account,
    desk_url: &str,
    event: &Event,
) -> Result<Vec<u8>, StoreError> {
    let message = match event.message {
        Some(sid) => conversations.message(event.account, event.conversation, sid).await?,
        None => None,
    };
    let message =
        message.map(|record| Resources::under(desk_url, account, None).message(event.conversation, record));
    Ok(json(
        event.event_type,
        event.date_created,
        Data {
            account_sid: event.account,
            conversation_sid: event.conversation,
            index: event.number,
            message: message.as_ref(),
        },
    ))
}

/// The body of a test: an event of a conversation that does not exist.
pub(super) fn of_test(account: AccountSid, event: EventType, now: DateTime<Utc>) -> Vec<u8> {
    let conversation_sid = ConversationSid::from_bits(0);
    json(event, now, Data { account_sid: account, conversation_sid, index: 0, message: None })
}

fn json(event: EventType, date: DateTime<Utc>, data: Data<'_>) -> Vec<u8> {
    let timestamp = date.to_rfc3339_opts(SecondsFormat::Millis, true);
    // Strings and numbers only, so serialization cannot fail.
    serde_json::to_vec(&Body { r#type: event.as_str(), timestamp, data }).unwrap_or_default()
}
