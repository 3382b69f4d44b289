//! What the smallest service there can be needs beside its one message: a boundary that lets everybody in, and an error
//! that never happens.

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
