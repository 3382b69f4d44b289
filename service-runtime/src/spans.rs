//! Traces: what the arrows of one request took, over OTLP/HTTP (off unless an endpoint is configured). Every arrow in is
//! a span of kind server, every arrow out one of kind client, both named after the message; so one trace leads from the
//! browser's own span through FWO, FAS and SAS.
//!
//! Spans are made here, of what is sampled alone, and handed to the SDK's batches: a bounded queue and a thread of its own.
//! When the collector is slow or gone, the queue fills and spans are dropped and counted; a request never waits.

use std::{
    fmt,
    sync::Arc,
    thread,
    time::{Duration, Instant, SystemTime},
};

use opentelemetry::{
    InstrumentationScope, KeyValue,
    trace::{SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState},
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

use crate::{
    client::http_client_blocking,
    metrics::Metrics,
    random::Random,
    settings::{Requirement, Setting},
    trace_context::TraceContext,
};

/// How long an export may take before its spans are given up.
const EXPORT_DEADLINE: Duration = Duration::from_secs(5);
/// How long the last spans may take when the service stops.
const LAST_EXPORT: Duration = Duration::from_secs(1);
/// How long spans are gathered, and how many may wait.
const GATHERED: Duration = Duration::from_secs(1);
const WAITING: usize = 4096;

/// The setting that every service has.
pub const OTLP_ENDPOINT: Setting = Setting {
    name: "otlp_endpoint",
    default: Requirement::Optional,
    help: "Where traces go: the base URL of an OTLP/HTTP collector, such as http://collector:4318; off without it",
};

/// Who decides which requests are traced.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sampling {
    /// This service, for strangers call it: this share of its requests, from 0 to 1, whatever they ask for.
    OfStrangers(f64),
    /// The caller, which has decided for the whole trace.
    AsTheCallerSays,
}

/// Where spans go, and of which requests there are any.
#[derive(Clone, Debug, PartialEq)]
pub struct SpanConfig {
    /// The base URL of an OTLP/HTTP collector, such as `http://collector:4318`.
    pub endpoint: Option<String>,
    /// Who decides.
    pub sampling: Sampling,
}

impl SpanConfig {
    /// No spans.
    pub const OFF: Self = Self { endpoint: None, sampling: Sampling::AsTheCallerSays };
}

/// The spans of a service. Cheap to clone.
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

/// A span that ends now.
pub(crate) struct Ended {
    /// The message on the arrow.
    pub(crate) name: &'static str,
    /// Which end of the arrow.
    pub(crate) kind: SpanKind,
    /// The span that it is part of; 0: none.
    pub(crate) parent: u64,
    /// When it began.
    pub(crate) started: Instant,
    /// The code of the refusal or the outcome of the call, if it did not succeed.
    pub(crate) error: Option<&'static str>,
    /// What else is known of it: names, never values of a guest.
    pub(crate) attributes: Vec<KeyValue>,
}

impl Spans {
    /// Begins to export the spans of the participant `service`, if there is an endpoint.
    pub fn start(config: &SpanConfig, service: &'static str, random: &Random, metrics: &Metrics) -> Self {
        let processor = config.endpoint.as_ref().and_then(|endpoint| processor(endpoint, service, metrics));
        let scope = || {
            InstrumentationScope::builder("service-runtime").with_version(env!("CARGO_PKG_VERSION")).build()
        };
        let export = processor.map(|processor| Arc::new(Export { processor, scope: scope() }));
        Self { sampling: config.sampling, random: random.clone(), export }
    }

    /// Decides whether a request is traced.
    pub(crate) fn sample(&self, trace: TraceContext) -> TraceContext {
        match self.sampling {
            Sampling::AsTheCallerSays => trace,
            Sampling::OfStrangers(_) if self.export.is_none() => trace.sampled(false),
            Sampling::OfStrangers(share) => {
                let drawn = u32::from_be_bytes(self.random.bytes());
                trace.sampled(f64::from(drawn) < share * f64::from(u32::MAX))
            }
        }
    }

    /// Whether the spans of a request are wanted.
    pub(crate) fn are_wanted(&self, trace: &TraceContext) -> bool {
        self.export.is_some() && trace.is_sampled()
    }

    /// The span of an arrow out, within that of the arrow in.
    pub(crate) fn within(&self, trace: &TraceContext) -> TraceContext {
        trace.child(u64::from_be_bytes(self.random.bytes()))
    }

    /// Hands a span over.
    pub(crate) fn end(&self, trace: &TraceContext, ended: Ended) {
        let Some(export) = &self.export else { return };
        let end_time = now();
        let status = ended.error.map_or(Status::Unset, Status::error);
        export.processor.on_end(SpanData {
            span_context: SpanContext::new(
                TraceId::from_bytes(trace.trace_bits().to_be_bytes()),
                SpanId::from_bytes(trace.span_bits().to_be_bytes()),
                TraceFlags::SAMPLED,
                false,
                TraceState::NONE,
            ),
            parent_span_id: SpanId::from_bytes(ended.parent.to_be_bytes()),
            parent_span_is_remote: ended.kind == SpanKind::Server,
            span_kind: ended.kind,
            name: ended.name.into(),
            start_time: end_time - ended.started.elapsed(),
            end_time,
            attributes: ended.attributes,
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status,
            instrumentation_scope: export.scope.clone(),
        });
    }

    /// Exports what waits, as far as that is possible in a second.
    pub async fn stop(self) {
        let Some(export) = self.export else { return };
        let last = move || export.processor.shutdown_with_timeout(LAST_EXPORT);
        // Whatever came of it: nobody is left to be told.
        drop(tokio::task::spawn_blocking(last).await);
    }
}

/// The time on the wall: a span lies among those of other machines, so an adjustable clock does not count.
#[allow(clippy::disallowed_methods, reason = "when a span ended is told to people, and decides nothing")]
fn now() -> SystemTime {
    SystemTime::now()
}

fn processor(endpoint: &str, service: &'static str, metrics: &Metrics) -> Option<BatchSpanProcessor> {
    let exporter = exporter(endpoint.to_owned())?;
    let exported = Family::<Exported, Counter>::default();
    metrics.register("spans_exported", "Spans handed to the collector, by outcome", exported.clone());
    let batches =
        BatchConfigBuilder::default().with_max_queue_size(WAITING).with_scheduled_delay(GATHERED).build();
    let mut processor =
        BatchSpanProcessor::builder(Counted { exporter, exported }).with_batch_config(batches).build();
    let resource = Resource::builder().with_service_name(service).build();
    opentelemetry_sdk::trace::SpanProcessor::set_resource(&mut processor, &resource);
    Some(processor)
}

/// The exporter with its HTTP client, made on a thread of its own: a blocking client cannot be made on one that serves.
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

/// The exporter, with a count of what became of the spans.
#[derive(Debug)]
struct Counted {
    exporter: opentelemetry_otlp::SpanExporter,
    exported: Family<Exported, Counter>,
}

impl SpanExporter for Counted {
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
