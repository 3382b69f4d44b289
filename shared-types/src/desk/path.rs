//! Path parameters of the desk's routes.

use std::{borrow::Cow, fmt::Display};

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use crate::{
    ConversationSid, ConversationsServiceSid, MessageSid,
    endpoint::{PathParameters, fill},
};

/// The service of `/v1/Services/IS…`, a plain prefix of every route.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct ServicePath {
    /// The account's conversations service, if the path names one.
    #[serde(default, deserialize_with = "present")]
    pub service_sid: Option<ConversationsServiceSid>,
}

/// A conversation of the account.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ConversationPath {
    /// The account's conversations service, if the path names one.
    #[serde(default, deserialize_with = "present")]
    pub service_sid: Option<ConversationsServiceSid>,
    /// The conversation.
    pub conversation_sid: ConversationSid,
}

/// A message of a conversation.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
pub struct MessagePath {
    /// The account's conversations service, if the path names one.
    #[serde(default, deserialize_with = "present")]
    pub service_sid: Option<ConversationsServiceSid>,
    /// The conversation.
    pub conversation_sid: ConversationSid,
    /// The message.
    pub message_sid: MessageSid,
}

/// A path parameter is a plain text, which serde does not read as an `Option` by itself.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

impl PathParameters for ServicePath {
    fn fill(&self, template: &'static str) -> Cow<'static, str> {
        of_service(self.service_sid, template, &[])
    }
}

impl PathParameters for ConversationPath {
    fn fill(&self, template: &'static str) -> Cow<'static, str> {
        of_service(self.service_sid, template, &[&self.conversation_sid])
    }
}

impl PathParameters for MessagePath {
    fn fill(&self, template: &'static str) -> Cow<'static, str> {
        of_service(self.service_sid, template, &[&self.conversation_sid, &self.message_sid])
    }
}

/// The path with its parameters, with the prefix of the service if there is one.
fn of_service(
    service: Option<ConversationsServiceSid>,
    template: &'static str,
    values: &[&dyn Display],
) -> Cow<'static, str> {
    let path = fill(template, values);
    match (service, path.strip_prefix("/v1")) {
        (Some(service), Some(rest)) => format!("/v1/Services/{service}{rest}").into(),
        _ => path,
    }
}
