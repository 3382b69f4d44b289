//! An endpoint: the request and the response of one arrow `A ->> B` of a diagram, declared once with
//! [`endpoint!`](macro@crate::endpoint). The server's routes, the client's calls and the wire samples are derived from the
//! declaration.

use std::{borrow::Cow, fmt::Display};

use serde::{Serialize, de::DeserializeOwned};

use crate::Code;

/// The HTTP methods in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// The request's fields are in the query.
    Get,
    /// The request's fields are in the body.
    Post,
    /// The request's fields are in the query; a body is not read.
    Delete,
    /// Every method. The request has no fields: its handler reads the request's line and headers. A body is not read.
    Any,
}

impl Method {
    /// The method as written on the request line; of [`Any`](Self::Any), one of those that it may be.
    pub const fn as_str(self) -> &'static str {
        match self {
            Method::Get | Method::Any => "GET",
            Method::Post => "POST",
            Method::Delete => "DELETE",
        }
    }
}

/// Codes that every endpoint may return: the request is rejected before its handler runs, or the fault is this service's.
/// A service that sheds load also returns `upstream_unavailable`.
pub const COMMON_ERRORS: [Code; 5] = [
    Code::InvalidRequest,
    Code::PayloadTooLarge,
    Code::UnsupportedMediaType,
    Code::InternalError,
    Code::UpstreamUnavailable,
];

/// Default of [`Endpoint::MAX_REQUEST_BODY`], in bytes.
pub const DEFAULT_MAX_REQUEST_BODY: usize = 16 * 1024;

/// An endpoint. Implemented by [`endpoint!`](macro@crate::endpoint) only.
pub trait Endpoint: 'static {
    /// The name in logs, metrics and traces.
    const NAME: &'static str;
    /// The description: the declaration's doc comment.
    const DOCUMENTATION: &'static str;
    /// The HTTP method.
    const METHOD: Method;
    /// The path with its parameters in braces. `/v1` matches as `/V1` too. A last segment `{*name}` matches any rest.
    const PATH: &'static str;
    /// Further paths of the same endpoint.
    const OTHER_PATHS: &'static [&'static str];
    /// The status of a success. A response with 204 has no body; clients read it as `{}`.
    const STATUS: u16;
    /// Whether the request is idempotent. Only an idempotent request is retried, once and on a new connection, if it is
    /// unknown whether the first attempt arrived.
    const IDEMPOTENT: bool;
    /// Maximum length of the request body, in bytes.
    const MAX_REQUEST_BODY: usize;
    /// The codes of its errors, in addition to [`COMMON_ERRORS`].
    const ERRORS: &'static [Code];
    /// The parameters of the path.
    type Path: PathParameters;
    /// The fields of the request.
    type Request: Clone + Serialize + DeserializeOwned + 'static;
    /// The fields of a successful response.
    type Response: Serialize + DeserializeOwned + 'static;

    /// Whether the endpoint may return this error.
    fn declares(code: Code) -> bool {
        COMMON_ERRORS.contains(&code) || Self::ERRORS.contains(&code)
    }
}

/// The parameters of a path, in their order in the path.
pub trait PathParameters: Copy + DeserializeOwned + 'static {
    /// The path of a request: `template` with each parameter replaced by its value.
    fn fill(&self, template: &'static str) -> Cow<'static, str>;
}

/// Replaces the parameters of `template` by `values`, in order. A parameter without a value is unchanged.
pub fn fill(template: &'static str, values: &[&dyn Display]) -> Cow<'static, str> {
    let (mut path, mut rest) = (String::new(), template);
    for value in values {
        let Some((before, (_, after))) =
            rest.split_once('{').and_then(|(before, after)| Some((before, after.split_once('}')?)))
        else {
            break;
        };
        path.push_str(before);
        path.push_str(&value.to_string());
        rest = after;
    }
    if path.is_empty() { Cow::Borrowed(template) } else { Cow::Owned(path + rest) }
}

/// Declares an [`Endpoint`](crate::Endpoint): a unit struct of that name. The codes of `errors` are variants of
/// [`Code`](crate::Code); [`COMMON_ERRORS`](crate::endpoint::COMMON_ERRORS) need not be listed.
///
/// ```
/// # use shared_types::{Endpoint, endpoint, orchestrator::NoParameters};
/// endpoint! {
///     /// Returns nothing.
///     pub struct Ping: "ping" = GET "/v1/Ping", also ["/v2/Ping"];
///     path: NoParameters;
///     request: NoParameters;
///     response: 200 => NoParameters;
///     idempotent: true;
///     errors: [NotFound];
/// }
/// assert_eq!(Ping::DOCUMENTATION, "Returns nothing.");
/// ```
#[macro_export]
macro_rules! endpoint {
    (
        $(#[doc = $documentation:literal])*
        $visibility:vis struct $endpoint:ident: $name:literal = $method:ident $path:literal
            $(, also [$($other_path:literal),+ $(,)?])?;
        path: $parameters:ty;
        request: $request:ty;
        $(max_request_body: $max_request_body:expr;)?
        response: $status:literal => $response:ty;
        idempotent: $idempotent:literal;
        errors: [$($error:ident),* $(,)?];
    ) => {
        $(#[doc = $documentation])*
        $visibility struct $endpoint;

        impl $crate::Endpoint for $endpoint {
            const NAME: &'static str = $name;
            const DOCUMENTATION: &'static str = concat!($($documentation, "\n",)*).trim_ascii();
            const METHOD: $crate::Method = $crate::endpoint!(@method $method);
            const PATH: &'static str = $path;
            const OTHER_PATHS: &'static [&'static str] = &[$($($other_path),+)?];
            const STATUS: u16 = $status;
            const IDEMPOTENT: bool = $idempotent;
            const MAX_REQUEST_BODY: usize = $crate::endpoint!(@or_default $($max_request_body)?);
            const ERRORS: &'static [$crate::Code] = &[$($crate::Code::$error),*];
            type Path = $parameters;
            type Request = $request;
            type Response = $response;
        }
    };
    (@method GET) => { $crate::Method::Get };
    (@method POST) => { $crate::Method::Post };
    (@method DELETE) => { $crate::Method::Delete };
    (@method ANY) => { $crate::Method::Any };
    (@or_default) => { $crate::endpoint::DEFAULT_MAX_REQUEST_BODY };
    (@or_default $value:expr) => { $value };
}

#[cfg(test)]
mod tests {
    use super::fill;

    #[test]
    fn parameters_are_filled_in_order() {
        let template = "/v1/Conversations/{conversation_sid}/Messages/{message_sid}";
        assert_eq!(fill(template, &[&"CH1", &2]), "/v1/Conversations/CH1/Messages/2");
        assert_eq!(fill(template, &[&"CH1"]), "/v1/Conversations/CH1/Messages/{message_sid}");
        assert_eq!(fill("/v1/{a}", &[&"{b}", &"c"]), "/v1/{b}", "a value is not a template");
        assert_eq!(fill("/v1/Tokens", &[&1]), "/v1/Tokens");
    }
}
