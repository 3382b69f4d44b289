//! Traces over OTLP/HTTP, off unless an endpoint is configured. Every incoming request is a span of kind server, every
//! outgoing one a span of kind client, both named after the endpoint. One trace leads from the browser's span through
//! FWO, FAS and SAS.
//!
//! Spans are created here, only for sampled requests, and handed to the SDK's batch processor: a bounded queue with its
//! own thread. If the collector is slow or unreachable, the queue fills up, and spans are dropped and counted; requests
//! never wait.

use std::{
    fmt,
    sync::Arc,
    thread,
    time::{Duration, Instant, SystemTime},
};

use opentelemetry::{
    InstrumentationScope, KeyValue,
    trace::{SpanContext, SpanKind, Status, TraceFlags, TraceState},
};
use opentelemetry_otlp::{WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    trace::{
        BatchConfigBuilder, BatchSpanProcessor, SpanData, SpanEvents, SpanExporter, SpanLinks,
        SpanProcessor as _,
    },
};
use prometheus_client::{encoding::EncodeLabelSet, metrics::counter::Counter, metrics::family::Family};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{metrics::Metrics, trace_context::TraceContext};
use crate::{random::Random, reqwest_client::http_client_blocking, settings::BaseUrl};

/// Deadline of an export.
const EXPORT_DEADLINE: Duration = Duration::from_secs(5);
/// Deadline of the last export at shutdown.
const SHUTDOWN_DEADLINE: Duration = Duration::from_secs(1);
/// Batch delay and queue size.
const BATCH_DELAY: Duration = Duration::from_secs(1);
const QUEUE_SIZE: usize = 4096;

/// The setting of every service.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub struct SpanSettings {
    /// Base URL of an OTLP/HTTP collector for traces, such as `http://collector:4318`; off without it.
    pub otlp_endpoint: Option<BaseUrl>,
}

/// Which requests are sampled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sampling {
    /// A fraction of the requests, from 0 to 1, regardless of the caller's sampling decision: the service is exposed to
    /// untrusted clients.
    Ratio(f64),
    /// Those that the caller has sampled.
    ParentBased,
}

/// Export and sampling of spans.
#[derive(Clone, Debug, PartialEq)]
pub struct SpanConfig {
    /// The base URL of an OTLP/HTTP collector, such as `http://collector:4318`.
    pub endpoint: Option<String>,
    /// Which requests are sampled.
    pub sampling: Sampling,
}

impl SpanConfig {
    /// No export.
    pub const OFF: Self = Self { endpoint: None, sampling: Sampling::ParentBased };

    /// Export to the collector of the settings.
    pub fn new(settings: SpanSettings, sampling: Sampling) -> Self {
        Self { endpoint: settings.otlp_endpoint.map(String::from), sampling }
    }
}

/// The span exporter of a service. Cheap to clone.
#[derive(Clone)]
pub struct Spans {
    sampling: Sampling,
    random: Random,
    export: Option<Arc<Export>>,
}

struct Export {
    processor: BatchSpanProcessor,
    scope: InstrumentationScope,
}

impl fmt::Debug for Spans {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spans").field("sampling", &self.sampling).finish_non_exhaustive()
    }
}

/// A completed span.
pub(crate) struct CompletedSpan {
    /// The endpoint's name.
    pub(crate) name: &'static str,
    /// Server or client.
    pub(crate) kind: SpanKind,
    /// Start time.
    pub(crate) started: Instant,
    /// The error code or the outcome, if the request failed.
    pub(crate) error: Option<&'static str>,
    /// Attributes: names, never values of a guest.
    pub(crate) attributes: Vec<KeyValue>,
}

impl Spans {
    /// Starts the exporter, if an endpoint is configured.
    pub fn start(config: &SpanConfig, service: &'static str, random: &Random, metrics: &Metrics) -> Self {
        let processor = config.endpoint.as_ref().and_then(|endpoint| processor(endpoint, service, metrics));
        let scope = || {
            InstrumentationScope::builder("service-runtime").with_version(env!("CARGO_PKG_VERSION")).build()
        };
        let export = processor.map(|processor| Arc::new(Export { processor, scope: scope() }));
        Self { sampling: config.sampling, random: random.clone(), export }
    }

    /// Makes the sampling decision.
    pub(crate) fn sample(&self, trace: TraceContext) -> TraceContext {
        match self.sampling {
            Sampling::ParentBased => trace,
            Sampling::Ratio(_) if self.export.is_none() => trace.sampled(false),
            Sampling::Ratio(share) => {
                let drawn = u32::from_be_bytes(self.random.bytes());
                trace.sampled(f64::from(drawn) < share * f64::from(u32::MAX))
            }
        }
    }

    /// Whether the spans of a request are exported.
    pub(crate) fn is_recorded(&self, trace: &TraceContext) -> bool {
        self.export.is_some() && trace.is_sampled()
    }

    /// The client span of an outgoing request.
    pub(crate) fn child(&self, trace: &TraceContext) -> TraceContext {
        trace.child(&self.random)
    }

    /// Queues a completed span.
    pub(crate) fn record(&self, trace: &TraceContext, span: CompletedSpan) {
        let Some(export) = &self.export else { return };
        let end_time = now();
        let status = span.error.map_or(Status::Unset, Status::error);
        export.processor.on_end(SpanData {
            span_context: SpanContext::new(
                trace.trace_id,
                trace.span_id,
                TraceFlags::SAMPLED,
                false,
                TraceState::NONE,
            ),
            parent_span_id: trace.parent_id,
            parent_span_is_remote: span.kind == SpanKind::Server,
            span_kind: span.kind,
            name: span.name.into(),
            start_time: end_time - span.started.elapsed(),
            end_time,
            attributes: span.attributes,
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status,
            instrumentation_scope: export.scope.clone(),
        });
    }

    /// Exports queued spans, for at most a second.
    pub async fn stop(self) {
        let Some(export) = self.export else { return };
        let last = move || export.processor.shutdown_with_timeout(SHUTDOWN_DEADLINE);
        // Best effort: there is nothing to do about a failure at shutdown.
        drop(tokio::task::spawn_blocking(last).await);
    }
}

/// The system time, not an adjustable clock: spans are compared with those of other machines.
#[allow(clippy::disallowed_methods, reason = "span times are displayed only; no decision depends on them")]
fn now() -> SystemTime {
    SystemTime::now()
}

fn processor(endpoint: &str, service: &'static str, metrics: &Metrics) -> Option<BatchSpanProcessor> {
    let exporter = exporter(endpoint.to_owned())?;
    let exported = Family::<Exported, Counter>::default();
    metrics.register("spans_exported", "Spans exported, by outcome", exported.clone());
    let batches = BatchConfigBuilder::default()
        .with_max_queue_size(QUEUE_SIZE)
        .with_scheduled_delay(BATCH_DELAY)
        .build();
    let mut processor = BatchSpanProcessor::builder(CountingExporter { exporter, exported })
        .with_batch_config(batches)
        .build();
    let resource = Resource::builder().with_service_name(service).build();
    opentelemetry_sdk::trace::SpanProcessor::set_resource(&mut processor, &resource);
    Some(processor)
}

/// The exporter with its HTTP client, created on its own thread: a blocking client must not be created on a runtime's
/// thread.
fn exporter(endpoint: String) -> Option<opentelemetry_otlp::SpanExporter> {
    let build = move || {
        let client = http_client_blocking().timeout(EXPORT_DEADLINE).build().ok()?;
        opentelemetry_otlp::SpanExporter::builder()
            .with_http()
            .with_http_client(client)
            .with_endpoint(format!("{endpoint}/v1/traces"))
            .with_timeout(EXPORT_DEADLINE)
            .build()
            .ok()
    };
    thread::spawn(build).join().ok().flatten()
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Exported {
    outcome: &'static str,
}

/// An exporter that counts exported and lost spans.
#[derive(Debug)]
struct CountingExporter {
    exporter: opentelemetry_otlp::SpanExporter,
    exported: Family<Exported, Counter>,
}

impl SpanExporter for CountingExporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len() as u64;
        let result = self.exporter.export(batch).await;
        let outcome = if result.is_ok() { "taken" } else { "lost" };
        self.exported.get_or_create(&Exported { outcome }).inc_by(spans);
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}
