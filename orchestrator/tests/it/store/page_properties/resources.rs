//! The responses of the desk's lists, with URLs of maximum length, to measure their encoded length.

use conversations::{ConversationRecord, MessageRecord};
use serde::Serialize;
use serde_json::Value;
use shared_types::{
    AccountSid, ConversationSid, ConversationsServiceSid, ParticipantSid,
    desk::{
        Conversation, ConversationLinks, DeskMessage, EmptyObject, MessageLinks, Meta,
        ParticipantConversation, ParticipantConversationLinks, list_conversations, list_messages,
        list_participant_conversations,
    },
    json,
};

const SERVICE: ConversationsServiceSid = ConversationsServiceSid::from_bits(1);
const ACCOUNT: AccountSid = AccountSid::from_bits(1);
const GUEST: ParticipantSid = ParticipantSid::from_bits(1);

fn base() -> String {
    format!("http://{}/v1/Services/{SERVICE}", "h".repeat(128))
}

fn meta(path: &str, key: &str) -> Meta {
    let url = format!("{}{path}?PageSize=100&Order=desc&State=active", base());
    Meta {
        page: 0,
        page_size: 100,
        first_page_url: url.clone(),
        previous_page_url: (),
        next_page_url: Some(format!("{url}&PageToken={}", "t".repeat(64))),
        url,
        key: key.to_owned(),
    }
}

pub(super) fn message(conversation_sid: ConversationSid, record: &MessageRecord) -> DeskMessage {
    let url = format!("{}/Conversations/{conversation_sid}/Messages/{}", base(), record.sid);
    DeskMessage {
        account_sid: ACCOUNT,
        conversation_sid,
        sid: record.sid,
        index: record.index,
        side: record.side,
        author: record.author.clone(),
        body: record.body.clone(),
        media: (),
        attributes: record.attributes.clone().unwrap_or_else(|| "{}".to_owned()),
        participant_sid: Some(GUEST),
        date_created: record.date_created,
        date_updated: record.date_updated,
        delivery: (),
        links: MessageLinks {
            delivery_receipts: format!("{url}/Receipts"),
            channel_metadata: format!("{url}/ChannelMetadata"),
        },
        url,
        content_sid: (),
    }
}

pub(super) fn conversation(record: &ConversationRecord) -> Conversation {
    let url = format!("{}/Conversations/{}", base(), record.sid);
    let of = |part| format!("{url}/{part}");
    Conversation {
        account_sid: ACCOUNT,
        chat_service_sid: SERVICE,
        messaging_service_sid: (),
        sid: record.sid,
        friendly_name: record.friendly_name.clone().or(record.customer_friendly_name.clone()),
        unique_name: (),
        attributes: Value::Object(record.all_attributes()).to_string(),
        state: record.state,
        date_created: record.date_created,
        date_updated: record.date_updated,
        timers: EmptyObject {},
        links: ConversationLinks {
            participants: of("Participants"),
            messages: of("Messages"),
            webhooks: of("Webhooks"),
        },
        url,
        bindings: (),
    }
}

fn participant_conversation(record: &ConversationRecord) -> ParticipantConversation {
    let Conversation { url, friendly_name, attributes, .. } = conversation(record);
    ParticipantConversation {
        account_sid: ACCOUNT,
        chat_service_sid: SERVICE,
        participant_sid: GUEST,
        participant_user_sid: (),
        participant_identity: record.identity,
        participant_messaging_binding: (),
        conversation_sid: record.sid,
        conversation_unique_name: (),
        conversation_friendly_name: friendly_name,
        conversation_attributes: attributes,
        conversation_date_created: record.date_created,
        conversation_date_updated: record.date_updated,
        conversation_created_by: record.identity,
        conversation_state: record.state,
        conversation_timers: EmptyObject {},
        links: ParticipantConversationLinks {
            participant: format!("{url}/Participants/{GUEST}"),
            conversation: url,
        },
    }
}

/// Encoded length of the list of these messages.
pub(super) fn length_of_messages(conversation: ConversationSid, records: &[MessageRecord]) -> usize {
    let messages = records.iter().map(|record| message(conversation, record)).collect();
    let meta = meta(&format!("/Conversations/{conversation}/Messages"), "messages");
    length(&list_messages::Response { messages, meta })
}

/// Encoded length of the longer list of these conversations.
pub(super) fn length_of_conversations(records: &[ConversationRecord]) -> usize {
    let conversations = records.iter().map(conversation).collect();
    let meta = |path| meta(path, "conversations");
    let all = list_conversations::Response { conversations, meta: meta("/Conversations") };
    let conversations = records.iter().map(participant_conversation).collect();
    let of_guest =
        list_participant_conversations::Response { conversations, meta: meta("/ParticipantConversations") };
    length(&all).max(length(&of_guest))
}

pub(super) fn length(value: &impl Serialize) -> usize {
    json::to_vec(value).unwrap().len()
}
