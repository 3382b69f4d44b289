//! `Desk ->> FWO: GET /v1/Conversations/CH…/Messages`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ConversationPath, DeskMessage, Meta, PageQuery};
use crate::endpoint;

endpoint! {
    /// Lists the messages of a conversation.
    pub struct ListDeskMessages: "desk_list_messages" = GET "/v1/Conversations/{conversation_sid}/Messages",
        also ["/v1/Services/{service_sid}/Conversations/{conversation_sid}/Messages"];
    path: ConversationPath;
    request: Request;
    response: 200 => Response;
    idempotent: true;
    errors: [InvalidApiKey, Forbidden, NotFound, RateLimited];
}

/// Filters and position.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// By index, ascending by default.
    #[serde(default, rename = "Order", skip_serializing_if = "Option::is_none")]
    pub order: Option<Order>,
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
    pub messages: Vec<DeskMessage>,
    /// How to get the next page.
    pub meta: Meta,
}

/// The order of a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Order {
    /// Oldest first.
    #[default]
    Asc,
    /// Newest first.
    Desc,
}
