//! What FlexWebchatOrchestratorService, FederatedAuthService and ScopedAuthService do alike, once: settings, start and
//! stop, the way from an HTTP request to a typed handler and back, the call to a peer, service credentials, logs,
//! metrics and the admin listener. A service adds its state, its handlers and its table of routes.

pub mod admin;
pub mod allocator;
pub mod answer;
pub mod api_error;
pub mod body;
pub mod client;
pub mod clock;
pub mod command;
mod deadline;
mod exchange;
pub mod in_process;
pub mod metrics;
pub mod random;
pub mod request_context;
pub mod route_table;
pub mod server;
pub mod service_credential;
pub mod settings;
pub mod spans;
pub mod telemetry;
pub mod tls;
pub mod trace_context;

pub use api_error::ApiError;
pub use client::{ServiceClient, UpstreamError};
pub use clock::Clock;
pub use in_process::InProcess;
pub use metrics::Metrics;
pub use request_context::RequestContext;
pub use route_table::{AccessPolicy, RouteTable};
pub use server::{Listeners, Running};
pub use service_credential::{ServiceCredential, ServiceCredentials};
pub use settings::{Setting, SettingError, Settings};
