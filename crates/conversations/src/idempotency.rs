//! Idempotency keys: a repeated request returns the message of the first one.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::digest::{Context, SHA256};

/// A writer's idempotency key, as it is stored: a digest, since the key is a text of the writer's choice and outlives an
/// erased message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey(pub(crate) String);

impl IdempotencyKey {
    /// The key `key` of `writer`: keys of different writers differ. The store separates conversations.
    pub fn new(writer: &str, key: &[u8]) -> Self {
        let mut context = Context::new(&SHA256);
        for part in [writer.as_bytes(), b"\0", key] {
            context.update(part);
        }
        Self(URL_SAFE_NO_PAD.encode(context.finish()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_different_writers_differ() {
        let keys = [("a", "b"), ("a", "c"), ("ab", ""), ("", "ab"), ("b", "a")];
        let keys: std::collections::HashSet<_> =
            keys.into_iter().map(|(writer, key)| IdempotencyKey::new(writer, key.as_bytes()).0).collect();
        assert_eq!(keys.len(), 5);
    }
}
