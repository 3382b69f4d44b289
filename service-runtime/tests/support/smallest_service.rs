//! What the smallest service there can be needs beside its one message: a boundary that lets everybody in, and an error
//! that never happens.

use service_runtime::{Boundary, Call, Refusal};
use shared_types::Code;

pub(crate) struct Open;

impl Boundary for Open {
    const ACCEPTS_FORMS: bool = false;

    fn enter(&self, _call: &mut Call<'_>, _path: &str) -> Result<(), Code> {
        Ok(())
    }
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum Never {}

impl Refusal for Never {
    fn code(&self) -> Code {
        match *self {}
    }
}
