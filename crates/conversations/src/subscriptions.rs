//! Webhook subscriptions: which endpoints receive which events of an account (contract, section 11).

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::digest::{Context, SHA256};
use shared_types::AccountSid;

use crate::StoreError;

/// The type of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventType {
    /// A conversation was opened.
    ConversationOpened,
    /// The guest or the desk added a message.
    MessageAdded,
    /// The desk closed the conversation, or the guest ended the session.
    ConversationClosed,
    /// The conversation takes no more messages of its guest.
    ConversationFull,
    /// The conversation and its messages were erased.
    ConversationErased,
}

impl EventType {
    /// All types.
    pub const ALL: [Self; 5] = [
        Self::ConversationOpened,
        Self::MessageAdded,
        Self::ConversationClosed,
        Self::ConversationFull,
        Self::ConversationErased,
    ];

    /// The name in `accounts.toml`, in a webhook's body and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ConversationOpened => "conversation.opened",
            Self::MessageAdded => "message.added",
            Self::ConversationClosed => "conversation.closed",
            Self::ConversationFull => "conversation.full",
            Self::ConversationErased => "conversation.erased",
        }
    }

    /// The type with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.as_str() == name)
    }

    pub(crate) fn of(text: &str) -> Result<Self, StoreError> {
        Self::named(text).ok_or(StoreError::Malformed("event type"))
    }
}

/// The id of a webhook's endpoint: a digest of its account and URL. It stays the same when events or secrets of the
/// webhook change; with another URL it is another endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EndpointId(pub(crate) String);

impl EndpointId {
    /// The endpoint of an account's webhook.
    pub fn new(account: AccountSid, url: &str) -> Self {
        Self(digest(&[&account.to_string(), url]))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A webhook of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// Where events are sent.
    pub endpoint: EndpointId,
    /// The types of events that are sent there.
    pub events: Vec<EventType>,
}

/// The webhooks of one account. Cheap to clone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subscriptions(Arc<[Subscription]>);

impl Subscriptions {
    /// The webhooks of one account, each endpoint once.
    pub fn new(webhooks: impl IntoIterator<Item = Subscription>) -> Self {
        Self(webhooks.into_iter().collect())
    }

    /// The endpoints that receive events of this type.
    pub(crate) fn to(&self, event: EventType) -> impl Iterator<Item = &EndpointId> {
        self.0.iter().filter(move |webhook| webhook.events.contains(&event)).map(|webhook| &webhook.endpoint)
    }

    /// 1 if events of this type are sent anywhere, and so have a number; otherwise 0.
    pub(crate) fn numbers(&self, event: EventType) -> i64 {
        i64::from(self.to(event).next().is_some())
    }
}

/// Digest of texts, each with its length, so that no other texts have the same concatenation.
pub(crate) fn digest(texts: &[&str]) -> String {
    let mut context = Context::new(&SHA256);
    for text in texts {
        context.update(&crate::length(text.len()).to_be_bytes());
        context.update(text.as_bytes());
    }
    URL_SAFE_NO_PAD.encode(context.finish())
}
