//! What becomes of a request.

use shared_types::Code;

/// A refusal on its way out.
pub(super) struct Refused {
    pub(super) code: Code,
    pub(super) message: String,
    pub(super) cause: Option<String>,
    /// Counted, and neither logged nor traced: refusing must cost less than serving.
    pub(super) is_shed: bool,
}

impl Refused {
    pub(super) fn new(code: Code, message: String) -> Self {
        Self { code, message, cause: None, is_shed: false }
    }

    /// The worker serves as many requests as it can.
    pub(super) fn overloaded() -> Self {
        let message = "The service is busy; please try again.".into();
        Self { is_shed: true, ..Self::new(Code::UpstreamUnavailable, message) }
    }

    pub(super) fn told(&self) -> ResponseSummary<'_> {
        ResponseSummary {
            status: self.code.status(),
            code: self.code.as_str(),
            cause: self.cause.as_deref(),
            is_shed: self.is_shed,
        }
    }
}

impl From<Code> for Refused {
    fn from(code: Code) -> Self {
        Self::new(code, code.sentence().to_owned())
    }
}

/// What became of a request, for log, metrics and traces.
#[derive(Clone, Copy)]
pub(super) struct ResponseSummary<'a> {
    pub(super) status: u16,
    /// Of a refusal; otherwise empty.
    pub(super) code: &'static str,
    pub(super) cause: Option<&'a str>,
    pub(super) is_shed: bool,
}

impl ResponseSummary<'_> {
    pub(super) const fn answered(status: u16) -> Self {
        Self { status, code: "", cause: None, is_shed: false }
    }
}
