//! Records the traffic: a proxy between each caller and its callee notes every request and response in order. The services'
//! own steps are noted among them, found by the trace id that the proxy gives to each request.

mod steps;

use std::{
    net::{SocketAddr, TcpListener},
    sync::{Arc, Mutex},
};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use local_stack::{Participant, Wire};
use reqwest::Client;
use serde_json::Value;
use service_runtime::{
    client::http_client,
    in_process::{Observer, TrafficEvent},
};

/// Records the arrows of a stack.
#[derive(Clone)]
pub(crate) struct Recorder {
    arrows: Arc<Mutex<Vec<String>>>,
    trace_id: String,
}

impl Default for Recorder {
    fn default() -> Self {
        let arrows = Arc::default();
        let trace_id = steps::collect_into(&arrows);
        Self { arrows, trace_id }
    }
}

impl Recorder {
    /// The arrows since the last call.
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.arrows.lock().unwrap())
    }

    // Readiness checks also probe the callee; they are not arrows of the diagrams.
    fn asked(&self, from: &str, to: &str, method: &str, path: &str, body: &[u8]) {
        let arrow = format!("{from}->>{to}: {method} {} {}", readable(path), fields(body));
        self.note(arrow.trim_end().to_owned());
    }

    fn answered(&self, from: &str, to: &str, status: u16, body: &[u8], more: &str) {
        let fields = fields(body);
        let space = if fields.is_empty() { "" } else { " " };
        self.note(format!("{to}-->>{from}: {status}{space}{fields}{more}"));
    }

    fn note(&self, arrow: String) {
        self.arrows.lock().unwrap().push(arrow);
    }
}

impl Wire for Recorder {
    fn connect(&self, from: Participant, to: Participant, address: SocketAddr) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let recorder = self.clone();
        let server = HttpServer::new(move || {
            let tap = web::Data::new(Tap {
                recorder: recorder.clone(),
                from,
                to,
                target: format!("http://{address}"),
                client: http_client().build().unwrap(),
            });
            App::new().app_data(tap).default_service(web::to(forward))
        });
        tokio::spawn(server.workers(1).disable_signals().listen(listener).unwrap().run());
        url
    }

    fn observe(&self, from: Participant, to: Participant) -> Option<Observer> {
        let (recorder, from, to) = (self.clone(), from.name(), to.name());
        Some(Arc::new(move |heard| match heard {
            TrafficEvent::Request { method, path, body } => recorder.asked(from, to, method, path, body),
            TrafficEvent::Response { status, body } => recorder.answered(from, to, status, body, ""),
        }))
    }
}

struct Tap {
    recorder: Recorder,
    from: Participant,
    to: Participant,
    target: String,
    client: Client,
}

async fn forward(tap: web::Data<Tap>, request: HttpRequest, body: web::Bytes) -> HttpResponse {
    let (from, to) = (tap.from.name(), tap.to.name());
    tap.recorder.asked(from, to, request.method().as_str(), &request.uri().to_string(), &body);
    let method = request.method().as_str().parse().unwrap();
    let mut onward =
        tap.client.request(method, format!("{}{}", tap.target, request.uri())).body(body.to_vec());
    for (name, value) in request.headers().iter().filter(|(name, _)| *name != "traceparent") {
        onward = onward.header(name.as_str(), value.as_bytes());
    }
    onward = onward.header("traceparent", format!("00-{}-00f067aa0ba902b7-00", tap.recorder.trace_id));
    let answer = onward.send().await.unwrap();
    let mut response = HttpResponse::build(answer.status().as_u16().try_into().unwrap());
    let mut allow_origin = String::new();
    let faces_the_browser = matches!(tap.from, Participant::Browser | Participant::Starship);
    for (name, value) in answer.headers() {
        if !matches!(name.as_str(), "content-length" | "transfer-encoding" | "connection") {
            response.append_header((name.as_str(), value.as_bytes()));
        }
        if name == "access-control-allow-origin" && faces_the_browser {
            allow_origin = format!(" ACAO={}", value.to_str().unwrap());
        }
    }
    let status = answer.status().as_u16();
    let body = answer.bytes().await.unwrap();
    tap.recorder.answered(from, to, status, &body, &allow_origin);
    response.body(body)
}

/// Shortens sids to their kind.
fn readable(path: &str) -> String {
    let mut words = Vec::new();
    for word in path.split_inclusive(['/', '=', '&', '?']) {
        let (sid, end) = word.split_at(word.trim_end_matches(['/', '=', '&', '?']).len());
        let is_sid = sid.len() == 34 && sid.chars().skip(2).all(|c| c.is_ascii_hexdigit());
        words.push(if is_sid { format!("{}…{end}", &sid[..2]) } else { word.to_owned() });
    }
    words.concat()
}

/// The names of a body's fields; with values for booleans, codes, reasons, sides and states, which the diagrams show.
fn fields(body: &[u8]) -> String {
    let Ok(Value::Object(fields)) = serde_json::from_slice(body) else { return form_fields(body) };
    let shown = fields.iter().map(|(name, value)| match value {
        Value::Bool(truth) => format!("{name}: {truth}"),
        Value::String(text) if matches!(name.as_str(), "code" | "reason" | "side" | "state") => {
            format!("{name}: {text}")
        }
        Value::String(text) if name == "message" && !text.contains(' ') => format!("{name}: {text}"),
        Value::Null | Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => {
            name.clone()
        }
    });
    format!("{{{}}}", shown.collect::<Vec<_>>().join(", "))
}

/// The names of a form's fields; with the value of a state.
fn form_fields(body: &[u8]) -> String {
    let fields = body.split(|b| *b == b'&').map(String::from_utf8_lossy);
    let shown: Vec<_> = fields
        .filter_map(|field| {
            let (name, value) = field.split_once('=')?;
            Some(if name == "State" { format!("{name}: {value}") } else { name.to_owned() })
        })
        .collect();
    if shown.is_empty() { String::new() } else { format!("{{{}}}", shown.join(", ")) }
}
