//! The parts of a minimal service besides its endpoint: an access policy that allows every request, and an error without
//! values.

use service_runtime::{AccessPolicy, ApiError, RequestContext};
use shared_types::Code;

/// Allows every request.
pub struct Open;

impl AccessPolicy for Open {
    const ACCEPTS_FORMS: bool = false;

    fn authorize(&self, _call: &mut RequestContext<'_>, _path: &str) -> Result<(), Code> {
        Ok(())
    }
}

/// An error that cannot occur.
#[derive(Debug, thiserror::Error)]
pub enum Never {}

impl ApiError for Never {
    fn code(&self) -> Code {
        match *self {}
    }
}
