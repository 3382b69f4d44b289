//! `B ->> FWO: POST /v2/WebChannels` (conversation diagram; contract, section 3).

use serde_json::Value;
use service_runtime::Call;
use shared_types::{
    ConversationSid, MessageSid,
    orchestrator::{
        NoParameters,
        open_conversation::{Request, Response},
    },
};

use crate::{app::Orchestrator, conversations::NewConversation, error::Error, guest};

/// The longest name that a guest may have, in characters.
const LONGEST_NAME: usize = 256;

/// Opens the conversation of the guest's session, with the welcome message as its first.
pub async fn open_conversation(
    fwo: &Orchestrator,
    call: &mut Call<'_>,
    _path: NoParameters,
    request: Request,
) -> Result<Response, Error> {
    let guest = guest::of_call(fwo, call).await?;
    if request.customer_friendly_name.as_ref().is_some_and(|name| name.chars().count() > LONGEST_NAME) {
        return Err(Error::InvalidField {
            field: "customerFriendlyName",
            reason: "expected 256 characters at the most",
        });
    }
    let new = NewConversation {
        account_sid: guest.account_sid,
        address_sid: guest.address_sid,
        session: guest.session,
        identity: guest.identity,
        customer_friendly_name: request.customer_friendly_name,
        pre_engagement_data: request.pre_engagement_data.map(unquoted),
        now: call.now,
        conversation_sid: ConversationSid::from_bits(fwo.random.u128()),
        message_sid: MessageSid::from_bits(fwo.random.u128()),
        welcome: &fwo.welcome_message,
    };
    let conversation_sid = fwo.conversations.open_conversation(new).await?;
    Ok(Response { conversation_sid, identity: guest.identity })
}

/// A form can only send JSON in a string; what is not JSON stays the text that it is.
fn unquoted(data: Value) -> Value {
    match data.as_str().map(serde_json::from_str) {
        Some(Ok(inner)) => inner,
        Some(Err(_)) | None => data,
    }
}
