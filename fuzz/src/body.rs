//! Bodies of guests: any bytes are a request or an error whose message is short and printable.

use actix_http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use serde::de::DeserializeOwned;
use service_runtime::parse_body;
use shared_types::orchestrator::{
    create_assertion, create_token, init, open_conversation, refresh_token, revoke_token, send_message,
};

/// Reads the rest of `data` as the body of the endpoint that its first byte selects.
///
/// # Panics
/// If an error's message has what it must not have: that is the fuzzer's goal.
pub fn parses(data: &[u8]) {
    let Some((selector, body)) = data.split_first() else { return };
    let content_type =
        if selector & 0x80 == 0 { "application/json" } else { "application/x-www-form-urlencoded" };
    let read = match selector & 7 {
        0 => read::<create_token::Request>,
        1 => read::<refresh_token::Request>,
        2 => read::<revoke_token::Request>,
        3 => read::<init::Request>,
        4 => read::<open_conversation::Request>,
        5 => read::<send_message::Request>,
        _ => read::<create_assertion::Request>,
    };
    let Some(message) = read(content_type, body) else { return };
    assert!(message.len() <= 300, "{} bytes", message.len());
    assert!(message.chars().all(|character| matches!(character, ' '..='~')), "{message:?}");
}

fn read<T: DeserializeOwned>(content_type: &'static str, body: &[u8]) -> Option<String> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    parse_body::<T>(&headers, body, true).err().map(|error| error.message)
}
