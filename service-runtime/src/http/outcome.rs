//! The outcome of a request.

use shared_types::Code;

use crate::http::access_policy::Denied;

/// An error response.
pub(super) struct Rejection {
    pub(super) code: Code,
    pub(super) message: String,
    pub(super) cause: Option<String>,
    /// Shed requests are counted but neither logged nor traced: rejecting must cost less than serving.
    pub(super) is_shed: bool,
}

impl Rejection {
    pub(super) fn new(code: Code, message: String) -> Self {
        Self { code, message, cause: None, is_shed: false }
    }

    /// The worker has no free slot.
    pub(super) fn overloaded() -> Self {
        let message = "The service is busy; please try again.".into();
        Self { is_shed: true, ..Self::new(Code::UpstreamUnavailable, message) }
    }

    pub(super) fn summary(&self) -> ResponseSummary<'_> {
        ResponseSummary {
            status: self.code.status(),
            code: self.code.as_str(),
            cause: self.cause.as_deref(),
            is_shed: self.is_shed,
        }
    }
}

impl From<Code> for Rejection {
    fn from(code: Code) -> Self {
        Self::new(code, code.sentence().to_owned())
    }
}

impl From<Denied> for Rejection {
    fn from(Denied { code, message }: Denied) -> Self {
        Self::new(code, message.into_owned())
    }
}

/// Summary of a response for log, metrics and traces.
#[derive(Clone, Copy)]
pub(super) struct ResponseSummary<'a> {
    pub(super) status: u16,
    /// The error code; empty on success.
    pub(super) code: &'static str,
    pub(super) cause: Option<&'a str>,
    pub(super) is_shed: bool,
}

impl ResponseSummary<'_> {
    pub(super) const fn success(status: u16) -> Self {
        Self { status, code: "", cause: None, is_shed: false }
    }
}
