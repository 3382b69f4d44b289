//! `Desk ->> FWO: GET /v1/Conversations`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Conversation, ConversationState, Meta, PageQuery, ServicePath};
use crate::endpoint;

endpoint! {
    /// Lists the account's conversations, newest first.
    pub struct ListConversations: "desk_list_conversations" = GET "/v1/Conversations",
        also ["/v1/Services/{service_sid}/Conversations"];
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
    /// Only conversations in this state.
    #[serde(default, rename = "State", skip_serializing_if = "Option::is_none")]
    pub state: Option<ConversationState>,
    /// Only conversations opened at or after this time: `YYYY-MM-DD`, or a timestamp (RFC 3339).
    #[serde(default, rename = "StartDate", skip_serializing_if = "Option::is_none")]
    pub start_date: Option<String>,
    /// Only conversations opened at or before this time; a date includes its whole day.
    #[serde(default, rename = "EndDate", skip_serializing_if = "Option::is_none")]
    pub end_date: Option<String>,
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
    pub conversations: Vec<Conversation>,
    /// How to get the next page.
    pub meta: Meta,
}
