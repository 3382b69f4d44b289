//! What a message is: an arrow of a diagram, with its method, path, request and response.

use serde::{Serialize, de::DeserializeOwned};

/// The methods that the arrows use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// The request's fields travel in the query.
    Get,
    /// The request's fields travel in the body.
    Post,
}

impl Method {
    /// The method as it stands on the request line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Post => "POST",
        }
    }
}

/// One arrow `A ->> B` and its answer. The server routes by it, the client calls by it, the tests speak it.
pub trait Endpoint: 'static {
    /// The message's name in logs and traces.
    const NAME: &'static str;
    /// The method of the call.
    const METHOD: Method;
    /// The path with its parameters in braces; `/v1` answers as `/V1` too.
    const PATH: &'static str;
    /// The status of an answer that is not a refusal.
    const STATUS: u16;
    /// Whether the message may be sent again where it is not known if the first one arrived: twice is as good as once.
    /// Only then does a caller send it again, once, on a fresh connection.
    const IDEMPOTENT: bool;
    /// The largest body of a call, in bytes.
    const MAX_REQUEST_BODY: usize = 16 * 1024;
    /// The parameters of the path, in the order in which they stand there.
    type Path: DeserializeOwned + 'static;
    /// The fields of the call.
    type Request: Clone + Serialize + DeserializeOwned + 'static;
    /// The fields of the answer.
    type Response: Serialize + DeserializeOwned + 'static;
}
