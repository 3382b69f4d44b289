//! Cost of an access-log line for the logging thread: with `tracing_subscriber`'s JSON format and a system call per line,
//! and with `telemetry`'s buffered format. Both write to /dev/null.

#![allow(clippy::expect_used, reason = "a measurement that panics has failed, as it should")]

use std::{fs::File, hint::black_box, sync::Mutex};

use criterion::{Criterion, criterion_group, criterion_main};
use service_runtime::{
    random::Random,
    telemetry::{JsonLines, LogWriter},
    trace_context::TraceContext,
};
use shared_types::AccountSid;
use tracing::subscriber::with_default;
use tracing_subscriber::{EnvFilter, fmt, fmt::time::ChronoUtc, layer::SubscriberExt, registry};

fn nowhere() -> File {
    File::options().write(true).open("/dev/null").expect("/dev/null")
}

/// The event of `http/exchange/record.rs`.
fn request(trace: &TraceContext, account: Option<AccountSid>) {
    tracing::info!(
        target: "access",
        service = black_box("FlexWebchatOrchestratorService"),
        request_id = black_box("0191b2c4d5e6f708192a3b4c5d6e7f80"),
        trace_id = %trace.trace_id,
        account = account.map(tracing::field::display),
        api_key = black_box(None::<&str>),
        method = black_box("POST"),
        route = black_box("/v2/Webchat/Token/Refresh"),
        status = black_box(200_u16),
        code = black_box(""),
        duration_us = black_box(1234_u64),
        "request"
    );
}

fn lines(c: &mut Criterion) {
    let header = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let trace = TraceContext::from_header(Some(header), &Random::default());
    let account = "AC00000000000000000000000000000001".parse().ok();
    let filter = || EnvFilter::new("info,actix_server=warn");

    let library = fmt::layer()
        .with_timer(ChronoUtc::rfc_3339())
        .with_writer(Mutex::new(nowhere()))
        .json()
        .flatten_event(true);
    with_default(registry().with(filter()).with(library), || {
        c.bench_function("access line, tracing-subscriber", |b| b.iter(|| request(&trace, account)));
    });
    with_default(registry().with(filter()).with(JsonLines::new(LogWriter::new(nowhere()))), || {
        c.bench_function("access line, service-runtime", |b| b.iter(|| request(&trace, account)));
    });
    with_default(registry().with(EnvFilter::new("warn")), || {
        c.bench_function("access line, filtered out", |b| b.iter(|| request(&trace, account)));
    });
}

criterion_group!(benches, lines);
criterion_main!(benches);
