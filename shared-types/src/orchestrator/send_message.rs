//! `Browser ->> FWO: POST /v2/WebChannels/CH…/Messages` (contract, section 3), with the token as bearer.

use serde::{Deserialize, Serialize};

use super::{ConversationPath, list_messages::ChatMessage};
use crate::{Endpoint, Method};

/// The guest writes.
pub struct SendMessage;

impl Endpoint for SendMessage {
    const NAME: &'static str = "send_message";
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v2/WebChannels/{conversation_sid}/Messages";
    const STATUS: u16 = 201;
    // A second one says it twice.
    const IDEMPOTENT: bool = false;
    // The longest text with every character escaped: `\u00e9`, `%C3%A9`.
    const MAX_REQUEST_BODY: usize = 100 * 1024;
    type Path = ConversationPath;
    type Request = Request;
    type Response = ChatMessage;
}

/// The longest body of a message, in bytes.
pub const MAX_BODY: usize = 32 * 1024;

/// `{body}`
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Request {
    /// Plain text of 1 to [`MAX_BODY`] bytes.
    #[serde(alias = "Body")]
    pub body: String,
}
