//! The admin listener: `/healthz`, `/readyz` and `/metrics`. None of them is served on the service's listener.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use actix_web::{HttpResponse, web};
use serde_json::json;

use crate::telemetry::metrics::Metrics;

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
            .route("/healthz", web::get().to(async || HttpResponse::Ok().json(json!({"status": "up"}))))
            .route(
                "/readyz",
                web::get().to(move || {
                    let admin = admin.clone();
                    async move { admin.readiness().await }
                }),
            )
            .route(
                "/metrics",
                web::get().to(move || {
                    let metrics = metrics.clone();
                    async move {
                        HttpResponse::Ok()
                            .content_type("application/openmetrics-text; version=1.0.0; charset=utf-8")
                            .body(metrics.render())
                    }
                }),
            );
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
