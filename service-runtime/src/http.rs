//! HTTP to typed handlers and back: routing, access policy, bodies, headers, errors, load shedding and the access log.

mod access_policy;
pub mod api_error;
mod body;
mod exchange;
mod headers;
pub(crate) mod in_flight;
mod labels;
mod outcome;
mod request_body;
pub(crate) mod request_context;
pub(crate) mod reservation;
pub(crate) mod response_body;
pub(crate) mod route_table;
mod routes;
pub(crate) mod service_credential;
pub(crate) mod worker;

pub use access_policy::{AccessPolicy, Denied};
pub use api_error::ApiError;
pub use body::{BodyError, parse as parse_body};
pub use request_context::RequestContext;
pub use reservation::Reservation;
pub use route_table::RouteTable;
pub use routes::{RouteList, Routes};
pub use service_credential::{ServiceCredential, ServiceCredentials};
