//! Conversations and messages as they are stored, with all that the desk may read.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use shared_types::{
    ConversationSid, Identity, MessageSid,
    desk::{ConversationState, Side},
    json,
};
use store::Row;

use crate::{StoreError, conversation_sid, date, length};

/// Upper bound of a conversation's members in a list of the desk besides its name and attributes, in bytes: sids, dates
/// and five URLs of at most 256 bytes each.
const CONVERSATION_ENVELOPE: usize = 2048;
/// The same for a message, with three URLs.
pub const MESSAGE_ENVELOPE: usize = 1536;

/// A conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConversationRecord {
    /// The conversation.
    pub sid: ConversationSid,
    /// The guest.
    pub identity: Identity,
    /// Whether messages can be written.
    pub state: ConversationState,
    /// The name that the desk gave it.
    pub friendly_name: Option<String>,
    /// The desk's JSON object.
    pub attributes: Option<String>,
    /// The guest's display name.
    pub customer_friendly_name: Option<String>,
    /// The pre-engagement form, as JSON.
    pub pre_engagement_data: Option<String>,
    /// When it was opened.
    pub date_created: DateTime<Utc>,
    /// When it or its messages last changed.
    pub date_updated: DateTime<Utc>,
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageRecord {
    /// The message.
    pub sid: MessageSid,
    /// Its index in the conversation, from 0.
    pub index: u32,
    /// Which side wrote it.
    pub side: Side,
    /// The guest's identity, the name that the desk gave, or `system`.
    pub author: String,
    /// Plain text; empty once erased.
    pub body: String,
    /// The desk's JSON object.
    pub attributes: Option<String>,
    /// When it was written.
    pub date_created: DateTime<Utc>,
    /// When it was written or erased.
    pub date_updated: DateTime<Utc>,
}

impl ConversationRecord {
    /// The members of the guest's form: `pre_engagement_data` and `customer_friendly_name`. The desk cannot change them.
    pub fn guest_attributes(&self) -> Map<String, Value> {
        guest_attributes(self.pre_engagement_data.as_deref(), self.customer_friendly_name.as_deref())
    }

    /// The desk's members and the guest's, as a JSON object.
    pub fn all_attributes(&self) -> Map<String, Value> {
        let mut all: Map<String, Value> =
            self.attributes.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        all.extend(self.guest_attributes());
        all
    }

    /// Reads a row of [`columns`].
    pub(crate) fn of(row: Row<'_>) -> Result<Self, StoreError> {
        let text = |column| Ok::<_, StoreError>(row.get::<Option<&str>>(column)?.map(str::to_owned));
        Ok(Self {
            sid: conversation_sid(row.get("sid")?)?,
            identity: row.get::<&str>("identity")?.parse().map_err(|_| StoreError::Malformed("identity"))?,
            state: state(row.get("state")?)?,
            friendly_name: text("friendly_name")?,
            attributes: text("attributes")?,
            customer_friendly_name: text("customer_friendly_name")?,
            pre_engagement_data: text("pre_engagement_data")?,
            date_created: date(row.get("date_created")?)?,
            date_updated: date(row.get("date_updated")?)?,
        })
    }

    /// Upper bound of its size in a list of the desk.
    pub(crate) fn desk_bytes(&self) -> Result<i64, StoreError> {
        let attributes = Value::Object(self.all_attributes()).to_string();
        let name = self.friendly_name.as_ref().or(self.customer_friendly_name.as_ref());
        Ok(length(CONVERSATION_ENVELOPE)
            + escaped(&attributes)?
            + name.map_or(Ok(0), |name| escaped(name))?)
    }
}

impl MessageRecord {
    /// Reads a row of [`message_columns`].
    pub(crate) fn of(row: Row<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            sid: row.get::<&str>("sid")?.parse().map_err(|_| StoreError::Malformed("message sid"))?,
            index: index(row.get("message_index")?)?,
            side: side(row.get("side")?)?,
            author: row.get::<&str>("author")?.to_owned(),
            body: row.get::<&str>("body")?.to_owned(),
            attributes: row.get::<Option<&str>>("attributes")?.map(str::to_owned),
            date_created: date(row.get("date_created")?)?,
            date_updated: date(row.get("date_updated")?)?,
        })
    }

    /// Upper bound of its size in a list of the desk.
    pub(crate) fn desk_bytes(&self) -> Result<i64, StoreError> {
        let attributes = self.attributes.as_ref().map_or(Ok(0), |text| escaped(text))?;
        Ok(length(MESSAGE_ENVELOPE) + escaped(&self.author)? + escaped(&self.body)? + attributes)
    }
}

/// The columns of a [`ConversationRecord`].
macro_rules! conversation_columns {
    () => {
        "sid, identity, state, friendly_name, attributes, customer_friendly_name, pre_engagement_data, date_created, \
         date_updated"
    };
}
pub(crate) use conversation_columns;

/// The columns of a [`MessageRecord`].
macro_rules! message_columns {
    () => {
        "sid, message_index, side, author, body, attributes, date_created, date_updated"
    };
}
pub(crate) use message_columns;

pub(crate) fn guest_attributes(form: Option<&str>, name: Option<&str>) -> Map<String, Value> {
    let form = form.and_then(|text| serde_json::from_str(text).ok());
    let name = name.map(|name| Value::String(name.to_owned()));
    [("pre_engagement_data", form), ("customer_friendly_name", name)]
        .into_iter()
        .filter_map(|(member, value)| Some((member.to_owned(), value?)))
        .collect()
}

pub(crate) fn state(text: &str) -> Result<ConversationState, StoreError> {
    [ConversationState::Active, ConversationState::Closed]
        .into_iter()
        .find(|state| state.as_str() == text)
        .ok_or(StoreError::Malformed("state"))
}

fn side(text: &str) -> Result<Side, StoreError> {
    [Side::Guest, Side::Desk, Side::System]
        .into_iter()
        .find(|side| side.as_str() == text)
        .ok_or(StoreError::Malformed("side"))
}

pub(crate) fn index(index: i64) -> Result<u32, StoreError> {
    u32::try_from(index).map_err(|_| StoreError::Malformed("message index"))
}

/// Length of a text as a JSON string.
fn escaped(text: &str) -> Result<i64, StoreError> {
    let text = json::to_vec(&text).map_err(|_| StoreError::Malformed("text"))?;
    Ok(length(text.len()))
}
