//! `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header): a repeated request is the first one.

use conversations::IdempotencyKey;
use service_runtime::RequestContext;

use crate::error::Error;

/// The header's name.
pub(crate) const HEADER: &str = "idempotency-key";

/// Maximum length of a key, in bytes.
const MAX_KEY: usize = 255;

/// The key of a request by `writer`, if it has one.
pub(crate) fn of_request(
    context: &RequestContext<'_>,
    writer: &str,
) -> Result<Option<IdempotencyKey>, Error> {
    match context.header(HEADER) {
        None => Ok(None),
        Some(key) if (1..=MAX_KEY).contains(&key.len()) => Ok(Some(IdempotencyKey::new(writer, key))),
        Some(_) => {
            Err(Error::InvalidField { field: "Idempotency-Key", reason: "expected 1 to 255 characters" })
        }
    }
}
