//! The format of a log line: byte for byte that of `tracing_subscriber`, except for the digits of the time.

use std::{fmt, sync::Mutex};

use proptest::prelude::*;
use service_runtime::telemetry::{JsonLines, LogWriter};
use tracing::{field::display, subscriber::with_default};
use tracing_subscriber::{fmt::time::ChronoUtc, layer::SubscriberExt, registry};

use crate::log::written::{Written, parsed};

/// The output of `log`: by our layer, and by the library's.
fn lines_of(log: impl FnOnce()) -> [String; 2] {
    let (ours, theirs) = (Written::default(), Written::default());
    let log_writer = LogWriter::new(ours.clone());
    let library = tracing_subscriber::fmt::layer()
        .with_timer(ChronoUtc::rfc_3339())
        .with_writer(Mutex::new(theirs.clone()))
        .json()
        .flatten_event(true);
    with_default(registry().with(JsonLines::new(log_writer.clone())).with(library), log);
    log_writer.close();
    [ours, theirs].map(|log| log.take())
}

/// Every line without its `{"timestamp":"…"}`.
fn after_the_time(log: &str) -> Vec<&str> {
    log.lines().map(|line| line.split_once("+00:00\"").unwrap().1).collect()
}

#[test]
fn every_field_type_is_formatted_like_tracing_subscriber() {
    let [ours, theirs] = lines_of(|| {
        let (some, none) = (Some(display("some")), None::<u64>);
        let error = std::io::Error::other("broke \"here\"");
        tracing::info!(
            target: "access",
            text = "a\tb\u{8}\u{c}\r\n\\\"\u{1}\u{1f}\u{7f}/é\u{2028}😀",
            displayed = %"as \"is\"",
            debugged = ?Some("in\nside"),
            small = -3_i8,
            large = u64::MAX,
            lowest = i64::MIN,
            huge = u128::MAX,
            share = 0.01,
            whole = 1.0,
            no_number = f64::NAN,
            yes = true,
            error = &error as &(dyn std::error::Error + 'static),
            some,
            none,
            dotted.name = 1,
            "quoted \"name\"" = 1,
            r#type = "raw",
            "told {} times",
            2
        );
        tracing::warn!("no field at all");
        tracing::error!(only = "a field");
        tracing::debug!(target: "\"", message = 7);
        tracing::trace!(bytes = &b"\x00\xff"[..], "bytes");
    });
    assert_eq!(after_the_time(&ours), after_the_time(&theirs));
    assert_eq!(after_the_time(&ours).len(), 5);
}

#[test]
fn the_access_log_line_format_is_stable() {
    let [ours, _] = lines_of(|| {
        tracing::info!(
            target: "access", service = "S", trace_id = %"0af7", account = None::<&str>, status = 200_u16, code = "", "request"
        );
    });
    assert_eq!(
        after_the_time(&ours),
        [concat!(
            r#","level":"INFO","message":"request","service":"S","trace_id":"0af7","status":200,"code":"","#,
            r#""target":"access"}"#
        )]
    );
}

#[test]
fn records_of_the_log_crate_keep_their_target() {
    let [ours, theirs] = lines_of(|| {
        let record = tracing_log::log::Record::builder()
            .args(format_args!("from elsewhere"))
            .level(tracing_log::log::Level::Info)
            .target("elsewhere")
            .line(Some(7))
            .build();
        tracing_log::format_trace(&record).unwrap();
    });
    assert_eq!(after_the_time(&ours), after_the_time(&theirs));
    assert!(ours.ends_with(",\"target\":\"elsewhere\"}\n"), "{ours}");
}

#[test]
fn the_time_is_utc_with_nine_digits() {
    let before = chrono::DateTime::from_timestamp_nanos(now());
    let [ours, _] = lines_of(|| {
        tracing::info!("one");
        tracing::info!("two");
    });
    let after = chrono::DateTime::from_timestamp_nanos(now());
    for line in parsed(&ours) {
        let text = line["timestamp"].as_str().unwrap();
        assert_eq!(text.len(), "2026-11-21T02:14:40.123456789+00:00".len(), "{text}");
        let time: chrono::DateTime<chrono::Utc> = text.parse().unwrap();
        assert!(before <= time && time <= after, "{before} {time} {after}");
    }
}

fn now() -> i64 {
    service_runtime::Clock::system().now().timestamp_nanos_opt().unwrap()
}

/// Logs while it is formatted.
struct Talkative;

impl fmt::Display for Talkative {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        tracing::info!("inner");
        f.write_str("said")
    }
}

#[test]
fn formatting_a_value_may_log() {
    let [ours, _] = lines_of(|| {
        // The first event allocates the line buffer that the second would reuse.
        tracing::info!("first");
        tracing::info!(value = %Talkative, "outer");
    });
    let messages = parsed(&ours).into_iter().map(|line| line["message"].clone()).collect::<Vec<_>>();
    assert!(messages.contains(&"outer".into()), "{messages:?}");
    assert_eq!(parsed(&ours).last().unwrap()["value"], "said");
}

#[test]
fn every_ascii_character_round_trips() {
    let texts: Vec<String> = (0..0x80_u8)
        .flat_map(|byte| {
            (0..20).map(move |at| " ".repeat(at) + &char::from(byte).to_string() + &"x".repeat(19 - at))
        })
        .collect();
    let [ours, theirs] = lines_of(|| texts.iter().for_each(|text| tracing::info!(text = text.as_str())));
    assert_eq!(after_the_time(&ours), after_the_time(&theirs));
    assert_eq!(parsed(&ours).iter().map(|line| line["text"].as_str().unwrap()).collect::<Vec<_>>(), texts);
}

proptest! {
    #[test]
    fn texts_and_numbers_round_trip(
        text in any::<String>(), special in "[\\x00-\\x22\\\\]{0,40}", number in any::<i64>(), share in any::<f64>(),
    ) {
        let [ours, theirs] = lines_of(|| {
            tracing::info!(text = text.as_str(), displayed = %special, debugged = ?special, number, share, "{text}{special}");
        });
        prop_assert_eq!(after_the_time(&ours), after_the_time(&theirs));
        let lines = parsed(&ours);
        prop_assert_eq!(lines.len(), 1);
        let line = &lines[0];
        prop_assert_eq!(&line["text"], &text);
        prop_assert_eq!(&line["displayed"], &special);
        prop_assert_eq!(&line["debugged"], &format!("{special:?}"));
        prop_assert_eq!(&line["message"], &format!("{text}{special}"));
        prop_assert_eq!(&line["number"], number);
    }
}
