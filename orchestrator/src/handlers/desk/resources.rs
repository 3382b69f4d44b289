//! The desk's resources, made of the store's records.

use conversations::{ConversationRecord, MessageRecord};
use serde_json::Value;
use service_runtime::RequestContext;
use shared_types::{
    AccountSid, ConversationSid, ConversationsServiceSid, ParticipantSid,
    desk::{
        Conversation, ConversationLinks, DeskMessage, EmptyObject, MessageLinks, ParticipantConversation,
        ParticipantConversationLinks, Side,
    },
};

use crate::{accounts::Account, error::Error, state::State};

/// Maximum length of `Host`, and of `ORCHESTRATOR_DESK_URL`, so that the bounds of responses hold.
pub(crate) const MAX_HOST: usize = 128;

/// Makes resources of one account.
pub(crate) struct Resources {
    account_sid: AccountSid,
    service_sid: ConversationsServiceSid,
    /// `https://desk.example.com/v1`, or with the prefix `/Services/IS…` if the request has it.
    base: String,
}

impl Resources {
    /// URLs are under `ORCHESTRATOR_DESK_URL` if set, otherwise under the request's own.
    pub(super) fn new(
        state: &State,
        context: &RequestContext<'_>,
        account: &Account,
        service: Option<ConversationsServiceSid>,
    ) -> Result<Self, Error> {
        let origin = match &state.desk_url {
            Some(url) => url.to_string(),
            None => {
                let host = context.header("host").and_then(|host| str::from_utf8(host).ok());
                let host = host.filter(|host| (1..=MAX_HOST).contains(&host.len()));
                let reason = "expected at most 128 characters";
                format!("http://{}", host.ok_or(Error::InvalidField { field: "Host", reason })?)
            }
        };
        Ok(Self::under(&origin, account, service))
    }

    /// URLs are under `origin`.
    pub(crate) fn under(origin: &str, account: &Account, service: Option<ConversationsServiceSid>) -> Self {
        let prefix = service.map(|service| format!("/Services/{service}")).unwrap_or_default();
        Self {
            account_sid: account.sid,
            service_sid: account.conversations_service_sid,
            base: format!("{origin}/v1{prefix}"),
        }
    }

    /// An absolute URL.
    pub(super) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    fn conversation_url(&self, sid: ConversationSid) -> String {
        self.url(&format!("/Conversations/{sid}"))
    }

    pub(super) fn conversation(&self, record: ConversationRecord) -> Conversation {
        let url = self.conversation_url(record.sid);
        let of = |part| format!("{url}/{part}");
        Conversation {
            account_sid: self.account_sid,
            chat_service_sid: self.service_sid,
            messaging_service_sid: (),
            sid: record.sid,
            attributes: Value::Object(record.all_attributes()).to_string(),
            friendly_name: record.friendly_name.or(record.customer_friendly_name),
            unique_name: (),
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

    pub(crate) fn message(&self, conversation_sid: ConversationSid, record: MessageRecord) -> DeskMessage {
        let url = format!("{}/Messages/{}", self.conversation_url(conversation_sid), record.sid);
        DeskMessage {
            account_sid: self.account_sid,
            conversation_sid,
            sid: record.sid,
            index: record.index,
            side: record.side,
            author: record.author,
            body: record.body,
            media: (),
            attributes: record.attributes.unwrap_or_else(|| "{}".to_owned()),
            participant_sid: (record.side == Side::Guest).then(|| guest_of(conversation_sid)),
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

    pub(super) fn participant_conversation(&self, record: ConversationRecord) -> ParticipantConversation {
        let conversation = self.conversation_url(record.sid);
        let participant_sid = guest_of(record.sid);
        ParticipantConversation {
            account_sid: self.account_sid,
            chat_service_sid: self.service_sid,
            participant_sid,
            participant_user_sid: (),
            participant_identity: record.identity,
            participant_messaging_binding: (),
            conversation_sid: record.sid,
            conversation_unique_name: (),
            conversation_attributes: Value::Object(record.all_attributes()).to_string(),
            conversation_friendly_name: record.friendly_name.or(record.customer_friendly_name),
            conversation_date_created: record.date_created,
            conversation_date_updated: record.date_updated,
            conversation_created_by: record.identity,
            conversation_state: record.state,
            conversation_timers: EmptyObject {},
            links: ParticipantConversationLinks {
                participant: format!("{conversation}/Participants/{participant_sid}"),
                conversation,
            },
        }
    }
}

/// The guest as a participant: a conversation has one guest, so the sid has the conversation's digits.
fn guest_of(conversation: ConversationSid) -> ParticipantSid {
    ParticipantSid::from_bits(conversation.to_bits())
}
