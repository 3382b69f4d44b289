//! `FWO ->> FWO: Creates the conversation with its welcome message`, for `open_conversation` and `init`.

use conversations::NewConversation;
use serde_json::Value;
use service_runtime::RequestContext;
use shared_types::{ConversationSid, MessageSid, desk::Side};

use crate::{error::Error, session::authenticate::Guest, state::State, text};

/// Maximum length of a guest's name, in characters.
const MAX_NAME: usize = 256;

/// Minimum size of a conversation in the byte budgets: about half of what its rows take on disk.
pub const MIN_CONVERSATION_BYTES: u32 = 512;

/// The pre-engagement form that the guest filled in, as it is stored.
#[derive(Clone, Debug, Default)]
pub struct PreEngagementForm {
    customer_friendly_name: Option<String>,
    /// JSON.
    pre_engagement_data: Option<String>,
    /// `query` of the form: the guest's first message.
    question: Option<String>,
}

impl PreEngagementForm {
    /// Validates the fields of the form.
    pub fn read(
        customer_friendly_name: Option<String>,
        pre_engagement_data: Option<Value>,
    ) -> Result<Self, Error> {
        let customer_friendly_name = customer_friendly_name.map(|name| text::without_reordering(&name));
        let fits = |name: &String| name.chars().count() <= MAX_NAME && !name.chars().any(char::is_control);
        if !customer_friendly_name.as_ref().is_none_or(fits) {
            let reason = "expected 256 characters at the most, without control characters";
            return Err(Error::InvalidField { field: "customerFriendlyName", reason });
        }
        let pre_engagement_data = pre_engagement_data.map(unquoted);
        let query = pre_engagement_data.as_ref().and_then(|data| data.get("query")?.as_str());
        let is_question = |query: &String| !query.trim().is_empty() && text::is_message(query);
        let question = query.map(|query| text::cleaned(query.to_owned())).filter(is_question);
        // `to_string` escapes none of the characters that reorder.
        let pre_engagement_data = pre_engagement_data.map(|data| text::without_reordering(&data.to_string()));
        Ok(Self { customer_friendly_name, pre_engagement_data, question })
    }

    /// Size of the conversation in the byte budgets.
    pub fn guest_bytes(&self) -> u32 {
        let parts = [&self.customer_friendly_name, &self.pre_engagement_data, &self.question];
        let length = parts.into_iter().flatten().map(String::len).sum::<usize>();
        u32::try_from(length).unwrap_or(u32::MAX).max(MIN_CONVERSATION_BYTES)
    }
}

/// Opens the conversation of the guest's session, or returns the open one that the session has.
pub async fn open(
    state: &State,
    context: &RequestContext<'_>,
    guest: Guest,
    form: PreEngagementForm,
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
        now: context.now,
        conversation_sid: ConversationSid::from_bits(state.random.u128()),
        question: form.question.as_deref().map(|text| (MessageSid::from_bits(state.random.u128()), text)),
        welcome: (MessageSid::from_bits(state.random.u128()), &state.welcome_message),
    };
    let opened = state.reporting(guest.account_sid).open_conversation(new).await?;
    if opened.is_new {
        context.step("Creates the conversation with its welcome message");
        state.counters.conversation_opened(guest.account_sid);
        if form.question.is_some() {
            state.counters.message(guest.account_sid, Side::Guest);
        }
    }
    Ok(opened.sid)
}

/// A form-encoded body can carry JSON only as a string. Text that is not JSON stays text.
fn unquoted(data: Value) -> Value {
    data.as_str().and_then(text::json).unwrap_or(data)
}
