//! The admin listener: `/healthz`, `/readyz`, `/metrics`, and nothing of this on the listener that callers use.

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

use crate::metrics::Metrics;

/// Finds out whether the service can do its work; the error says in a few words why not.
pub type Check = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Result<(), String>> + Send>> + Send + Sync>;

/// What the admin listener answers from.
#[derive(Clone)]
pub struct Admin {
    /// The service's counters.
    pub metrics: Arc<Metrics>,
    /// Whether the service can do its work.
    pub check: Check,
    /// Set when the service begins to stop: it is not ready from then on.
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
