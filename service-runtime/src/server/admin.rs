//! The admin listener: `/healthz`, `/readyz` and `/metrics`. None of them is served on the service's listener.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use actix_web::{
    Handler, HttpRequest, HttpResponse, Resource,
    http::header::{self, HeaderMap},
    web,
};
use serde_json::json;
use shared_types::{Code, ErrorBody};

use crate::telemetry::metrics::{Metrics, OPENMETRICS, PROMETHEUS_TEXT};

/// The path of the liveness check.
pub const HEALTHZ: &str = "/healthz";
/// The path of the readiness check.
pub const READYZ: &str = "/readyz";
/// The path of the metrics.
pub const METRICS: &str = "/metrics";

/// Readiness check; the error is a short reason.
pub type Check = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Result<(), String>> + Send>> + Send + Sync>;

/// State of the admin endpoints.
#[derive(Clone)]
pub struct Admin {
    /// The service's metrics.
    pub metrics: Arc<Metrics>,
    /// The readiness check.
    pub check: Check,
    /// Set on shutdown: not ready from then on.
    pub stopping: Arc<AtomicBool>,
}

impl Admin {
    pub(crate) fn configure(&self, config: &mut web::ServiceConfig) {
        let (metrics, admin) = (self.metrics.clone(), self.clone());
        config
            .service(resource(HEALTHZ, async || HttpResponse::Ok().json(json!({"status": "up"}))))
            .service(resource(READYZ, move || {
                let admin = admin.clone();
                async move { admin.readiness().await }
            }))
            .service(resource(METRICS, move |request: HttpRequest| {
                let metrics = metrics.clone();
                async move {
                    let (content_type, text) = if accepts_openmetrics(request.headers()) {
                        (OPENMETRICS, metrics.openmetrics())
                    } else {
                        (PROMETHEUS_TEXT, metrics.prometheus_text())
                    };
                    HttpResponse::Ok().content_type(content_type).body(text)
                }
            }));
    }

    async fn readiness(&self) -> HttpResponse {
        let readiness = if self.stopping.load(Ordering::SeqCst) {
            Err("stopping".to_owned())
        } else {
            (self.check)().await
        };
        match readiness {
            Ok(()) => HttpResponse::Ok().json(json!({"status": "ready"})),
            Err(reason) => {
                HttpResponse::ServiceUnavailable().json(json!({"status": "not ready", "reason": reason}))
            }
        }
    }
}

/// A JSON document that does not change.
pub(super) fn document(path: &'static str, json: &'static str) -> Resource {
    resource(path, move || async move { HttpResponse::Ok().content_type("application/json").body(json) })
}

/// A resource with `GET`, and `HEAD`: some monitors send only that.
fn resource<Args>(path: &str, handler: impl Handler<Args, Output = HttpResponse>) -> Resource
where
    Args: actix_web::FromRequest + 'static,
{
    web::resource(path).route(web::get().to(handler.clone())).route(web::head().to(handler)).default_service(
        web::to(async || {
            let code = Code::MethodNotAllowed;
            HttpResponse::MethodNotAllowed()
                .insert_header((header::ALLOW, "GET, HEAD"))
                .json(ErrorBody::new(code, code.sentence()))
        }),
    )
}

/// Whether the client asks for OpenMetrics. Prometheus does; others may parse only the older text format.
fn accepts_openmetrics(headers: &HeaderMap) -> bool {
    let ranges = headers.get_all(header::ACCEPT).filter_map(|value| value.to_str().ok());
    ranges.flat_map(|value| value.split(',')).any(|range| {
        let mut parts = range.split(';').map(str::trim);
        let is_openmetrics =
            parts.next().is_some_and(|name| name.eq_ignore_ascii_case("application/openmetrics-text"));
        let is_refused = |part: &str| part.strip_prefix("q=").and_then(|q| q.parse().ok()) == Some(0.0);
        is_openmetrics && !parts.any(is_refused)
    })
}
