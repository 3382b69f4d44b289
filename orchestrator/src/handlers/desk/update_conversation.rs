//! `Desk ->> FWO: POST /v1/Conversations/CH…`: closes a conversation, or changes its name and attributes.

use conversations::{Changes, ConversationRecord};
use service_runtime::RequestContext;
use shared_types::desk::{
    Conversation, ConversationPath,
    update_conversation::{MAX_NAME, Request},
};

use super::{CONVERSATION_BYTES, Desk, create_message::attributes_of};
use crate::{error::Error, state::State, text};

/// `POST /v1/Conversations/CH…`
pub async fn update_conversation(
    state: &State,
    context: &mut RequestContext<'_>,
    ConversationPath { service_sid, conversation_sid }: ConversationPath,
    request: Request,
) -> Result<Conversation, Error> {
    let desk = Desk::of(state, context, service_sid)?;
    if request.state.as_ref().is_some_and(|state| state != "closed") {
        return Err(Error::InvalidField { field: "State", reason: "expected `closed`, which is final" });
    }
    let friendly_name = request.friendly_name.as_ref();
    if friendly_name.is_some_and(|name| name.chars().count() > MAX_NAME || text::has_controls(name)) {
        let reason = "expected at most 256 characters, without control characters";
        return Err(Error::InvalidField { field: "FriendlyName", reason });
    }
    let submitted = request.attributes.as_deref().map(attributes_of).transpose()?;
    desk.reserve(state, context, CONVERSATION_BYTES)?;
    let account = desk.account.sid;
    let found = state.conversations.conversation(account, conversation_sid).await?.ok_or(Error::NotFound)?;
    let changes = Changes {
        friendly_name: request.friendly_name.map(|name| (!name.is_empty()).then_some(name)),
        attributes: submitted.map(|submitted| desk_attributes(&found, submitted)).transpose()?,
        close: request.state.is_some(),
    };
    if changes.close {
        context.step("Closes the conversation");
    }
    let changed = if changes == Changes::default() {
        found
    } else {
        let changed =
            state.reporting(account).update_conversation(account, found, changes, context.now).await?;
        changed.ok_or(Error::NotFound)?
    };
    Ok(desk.resources.conversation(changed))
}

/// The desk's members of submitted attributes. Those of the guest may be repeated, since a desk that adds a member writes
/// back what it read, but not changed.
fn desk_attributes(
    found: &ConversationRecord,
    mut submitted: serde_json::Map<String, serde_json::Value>,
) -> Result<Option<String>, Error> {
    let guests = found.guest_attributes();
    for member in ["pre_engagement_data", "customer_friendly_name"] {
        if let Some(value) = submitted.shift_remove(member)
            && guests.get(member) != Some(&value)
        {
            let reason =
                "`pre_engagement_data` and `customer_friendly_name` are the guest's and cannot be changed";
            return Err(Error::InvalidField { field: "Attributes", reason });
        }
    }
    Ok((!submitted.is_empty()).then(|| serde_json::Value::Object(submitted).to_string()))
}
