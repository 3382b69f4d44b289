//! The arrows of the diagrams as they happen: the services' access events and the lines of Starship's access log, in a
//! bounded history and as a stream. An arrow has only the access log's fields: no header, no body, no token.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use serde_json::{Map, Value};
use service_runtime::Clock;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{Layer, filter::filter_fn, layer::Context, registry::LookupSpan};

/// Length of the history: some forty exchanges of up to ten arrows.
const KEPT: usize = 400;
/// Arrows that a subscriber may lag behind; a slower one is dropped, and may subscribe again.
const BEHIND: usize = 256;
/// Maximum length of a path from Starship's log; the services log route patterns.
const LONGEST_PATH: usize = 80;
/// The fields of an access event that make an arrow.
const FIELDS: [&str; 9] =
    ["service", "method", "route", "status", "code", "duration_us", "waited_ms", "request_id", "trace_id"];

/// The arrows. Clones share their state.
#[derive(Clone)]
pub struct TraceEvents {
    shared: Arc<Mutex<Shared>>,
    started: Instant,
}

#[derive(Default)]
struct Shared {
    kept: VecDeque<Value>,
    listeners: Vec<Sender<Value>>,
}

impl Default for TraceEvents {
    fn default() -> Self {
        Self { shared: Arc::default(), started: Instant::now() }
    }
}

impl TraceEvents {
    /// The `tracing` layer that records the services' access events.
    pub fn layer<S: Subscriber + for<'a> LookupSpan<'a>>(&self) -> impl Layer<S> + Send + Sync + use<S> {
        AccessEvents(self.clone()).with_filter(filter_fn(|metadata| metadata.target() == "access"))
    }

    /// Records a line of Starship's access log (`starship/nginx.conf.template`).
    pub fn starship_line(&self, line: &str) {
        let Ok(Value::Object(line)) = serde_json::from_str(line) else { return };
        let mut arrow = Map::new();
        for name in ["service", "method", "status", "request_id"] {
            arrow.extend(line.get(name).map(|value| (name.to_owned(), value.clone())));
        }
        let path = line.get("path").and_then(Value::as_str).unwrap_or_default();
        arrow.insert("route".to_owned(), in_the_diagrams_words(path).into());
        let seconds = line.get("duration_s").and_then(Value::as_f64).unwrap_or_default();
        arrow.insert("duration_us".to_owned(), ((seconds * 1e6) as u64).into());
        self.add(arrow);
    }

    /// Records what a visitor of the demo page pressed, to order it among the arrows.
    pub fn add_press(&self, press: &'static str) {
        self.add(Map::from_iter([("press".to_owned(), press.into())]));
    }

    /// The history, and a receiver of later arrows.
    pub fn listen(&self) -> (Vec<Value>, Receiver<Value>) {
        let (sender, receiver) = channel(BEHIND);
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        shared.listeners.push(sender);
        (shared.kept.iter().cloned().collect(), receiver)
    }

    fn add(&self, mut arrow: Map<String, Value>) {
        let ended = u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX);
        arrow.insert("ended_us".to_owned(), ended.into());
        // For people: the clock of the stack may be ahead.
        arrow.insert("ended_at".to_owned(), Clock::system().now().timestamp_millis().into());
        let arrow = Value::Object(arrow);
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        shared.listeners.retain(|listener| listener.try_send(arrow.clone()).is_ok());
        if shared.kept.len() == KEPT {
            shared.kept.pop_front();
        }
        shared.kept.push_back(arrow);
    }
}

struct AccessEvents(TraceEvents);

impl<S: Subscriber> Layer<S> for AccessEvents {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut arrow = Arrow::default();
        event.record(&mut arrow);
        self.0.add(arrow.0);
    }
}

#[derive(Default)]
struct Arrow(Map<String, Value>);

impl Arrow {
    fn record(&mut self, field: &Field, value: impl Into<Value>) {
        if FIELDS.contains(&field.name()) {
            self.0.insert(field.name().to_owned(), value.into());
        }
    }
}

impl Visit for Arrow {
    fn record_str(&mut self, field: &Field, value: &str) {
        let value = if field.name() == "route" { in_the_diagrams_words(value) } else { value.to_owned() };
        self.record(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.record(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.record(field, format!("{value:?}"));
    }
}

/// The path as the diagrams write it, such as `/v2/WebChannels/CH…/Messages`, from a route pattern or a path.
fn in_the_diagrams_words(path: &str) -> String {
    let words = path.split('/').map(|word| match word {
        "{account_sid}" => "AC…",
        "{conversation_sid}" => "CH…",
        _ if word.len() == 34 && word.starts_with("CH") => "CH…",
        _ => word,
    });
    words.collect::<Vec<_>>().join("/").chars().take(LONGEST_PATH).collect()
}
