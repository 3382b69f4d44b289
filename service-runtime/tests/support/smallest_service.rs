//! The parts of a minimal service besides its endpoint: an access policy that allows everyone, and an uninhabited
//! error.

use service_runtime::{AccessPolicy, ApiError, RequestContext};
use shared_types::Code;

pub(crate) struct Open;

impl AccessPolicy for Open {
    const ACCEPTS_FORMS: bool = false;

    fn authorize(&self, _call: &mut RequestContext<'_>, _path: &str) -> Result<(), Code> {
        Ok(())
    }
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum Never {}

impl ApiError for Never {
    fn code(&self) -> Code {
        match *self {}
    }
}
