//! The runtime shared by FlexWebchatOrchestratorService, FederatedAuthService and ScopedAuthService: settings, start
//! and graceful stop, HTTP routing to typed handlers, clients for other services, service credentials, logs, metrics,
//! traces and the admin listener. A service adds its state, its handlers and its route table.

pub mod allocator;
pub mod client;
pub mod clock;
pub mod command;
mod http;
pub mod in_process;
pub mod operator_file;
pub mod random;
mod reqwest_client;
pub mod server;
pub mod settings;
pub mod telemetry;
pub mod tls;
pub mod watched_file;

pub use client::{ServiceClient, UpstreamError};
pub use clock::Clock;
pub use http::{
    AccessPolicy, ApiError, BodyError, Denied, RequestContext, Reservation, RouteList, RouteTable, Routes,
    ServiceCredential, ServiceCredentials, api_error, parse_body,
};
pub use in_process::InProcess;
pub use server::{Listeners, Running};
pub use settings::{Environment, SettingError};
pub use telemetry::{Metrics, spans, trace_context};
