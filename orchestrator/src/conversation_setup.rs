//! `FWO ->> FWO: Creates the conversation with its welcome message`, for `open_conversation` and `init` alike.

use serde_json::Value;
use service_runtime::RequestContext;
use shared_types::{ConversationSid, MessageSid};

use crate::{error::Error, guest::Guest, state::State};
use conversations::NewConversation;

/// The longest name that a guest may have, in characters.
const LONGEST_NAME: usize = 256;

/// What a conversation counts for at least in the budgets of bytes: about half of what its rows take on the disk.
pub const LEAST_OF_CONVERSATION: u32 = 512;

/// What the guest filled in before the chat, as it is kept.
#[derive(Clone, Debug, Default)]
pub struct Form {
    customer_friendly_name: Option<String>,
    /// JSON.
    pre_engagement_data: Option<String>,
}

impl Form {
    /// Takes what the guest filled in.
    pub fn read(
        customer_friendly_name: Option<String>,
        pre_engagement_data: Option<Value>,
    ) -> Result<Self, Error> {
        let fits =
            |name: &String| name.chars().count() <= LONGEST_NAME && !name.chars().any(char::is_control);
        if !customer_friendly_name.as_ref().is_none_or(fits) {
            let reason = "expected 256 characters at the most, without control characters";
            return Err(Error::InvalidField { field: "customerFriendlyName", reason });
        }
        let pre_engagement_data = pre_engagement_data.map(|data| unquoted(data).to_string());
        Ok(Self { customer_friendly_name, pre_engagement_data })
    }

    /// What it counts for in the budgets of bytes.
    pub fn guest_bytes(&self) -> u32 {
        let parts = [&self.customer_friendly_name, &self.pre_engagement_data];
        let length = parts.into_iter().flatten().map(String::len).sum::<usize>();
        u32::try_from(length).unwrap_or(u32::MAX).max(LEAST_OF_CONVERSATION)
    }
}

/// Opens the conversation of the guest's session, or finds the one that it has.
pub async fn open(
    state: &State,
    call: &RequestContext<'_>,
    guest: Guest,
    form: Form,
) -> Result<ConversationSid, Error> {
    let new = NewConversation {
        account_sid: guest.account_sid,
        deployment_key: guest.deployment_key,
        address_sid: guest.address_sid,
        session: guest.session,
        jkt: guest.jkt,
        identity: guest.identity,
        customer_friendly_name: form.customer_friendly_name,
        pre_engagement_data: form.pre_engagement_data,
        now: call.now,
        conversation_sid: ConversationSid::from_bits(state.random.u128()),
        message_sid: MessageSid::from_bits(state.random.u128()),
        welcome: &state.welcome_message,
    };
    Ok(state.conversations.open_conversation(new).await?)
}

/// A form can only send JSON in a string; what is not JSON stays the text that it is.
fn unquoted(data: Value) -> Value {
    match data.as_str().map(serde_json::from_str) {
        Some(Ok(inner)) => inner,
        Some(Err(_)) | None => data,
    }
}
