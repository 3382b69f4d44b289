//! `Desk ->> FWO: GET /v1/ParticipantConversations`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Meta, PageQuery, ParticipantConversation, ServicePath};
use crate::endpoint;

endpoint! {
    /// Lists the conversations of a guest, newest first.
    pub struct ListParticipantConversations: "desk_list_participant_conversations" = GET "/v1/ParticipantConversations",
        also ["/v1/Services/{service_sid}/ParticipantConversations"];
    path: ServicePath;
    request: Request;
    response: 200 => Response;
    idempotent: true;
    errors: [InvalidApiKey, Forbidden, NotFound, RateLimited];
}

/// Filters and position.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The guest. Another text than a UUID names a guest without conversations.
    #[serde(rename = "Identity")]
    pub identity: String,
    /// Number of items, 50 by default; clamped to 1 to 100.
    #[serde(default, rename = "PageSize", skip_serializing_if = "Option::is_none")]
    pub page_size: Option<u64>,
    /// A position, from `next_page_url`.
    #[serde(default, rename = "PageToken", skip_serializing_if = "Option::is_none")]
    pub page_token: Option<String>,
    /// Ignored: pages have positions.
    #[serde(default, rename = "Page", skip_serializing)]
    #[schemars(with = "Option<String>")]
    pub page: Option<serde::de::IgnoredAny>,
}

impl Request {
    /// Size and position of the page.
    pub fn page(&self) -> PageQuery {
        PageQuery { size: self.page_size, token: self.page_token.clone() }
    }
}

/// A page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Response {
    /// The items.
    pub conversations: Vec<ParticipantConversation>,
    /// How to get the next page.
    pub meta: Meta,
}
