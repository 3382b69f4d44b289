//! A demonstration per test, and a visitor of its site.

use std::{fs, sync::OnceLock, time::Duration};

use local_stack::{Demonstration, Edge, Guest, StackConfig, TraceEvents, demo, site};
use reqwest::{Client, Response};
use serde_json::Value;
use service_runtime::{client::http_client, telemetry};
use tempfile::TempDir;
use tokio::time::timeout;

/// The trace of requests that no test looks at.
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4700";

/// Timeout for the next event, long enough for a busy machine.
const PATIENCE: Duration = Duration::from_secs(10);

/// A visitor with Chrome.
pub(crate) struct Visit {
    /// Of the page.
    pub(crate) origin: String,
    /// The base URL that the page calls.
    pub(crate) endpoint: String,
    pub(crate) client: Client,
    data: TempDir,
    demonstration: Demonstration,
}

impl Visit {
    pub(crate) async fn begins(edge: Edge) -> Self {
        Self::in_folder(edge, tempfile::tempdir().unwrap()).await
    }

    /// Starts the stack again with its files. The clock starts at the system time, as in a new process.
    pub(crate) async fn restarts(self) -> Self {
        let Self { data, demonstration, .. } = self;
        demonstration.stop().await.unwrap();
        Self::in_folder(Edge::Open, data).await
    }

    async fn in_folder(edge: Edge, data: TempDir) -> Self {
        // A process has one subscriber: the tests share the arrows and filter them by trace.
        static ARROWS: OnceLock<TraceEvents> = OnceLock::new();
        let arrows = ARROWS.get_or_init(|| {
            let arrows = TraceEvents::default();
            // A process of tests never closes its log; lines must not wait for that.
            drop(telemetry::start_with_layer(arrows.layer(), telemetry::DEFAULT_FILTER));
            arrows
        });
        let plan = StackConfig::for_test(data.path());
        let demonstration = Demonstration::start(plan, edge, arrows.clone()).await.unwrap();
        let origin = site::origin(demonstration.site.address);
        let client = http_client().build().unwrap();
        let settings: Value =
            client.get(format!("{origin}/settings.json")).send().await.unwrap().json().await.unwrap();
        let endpoint = settings["endpoint"].as_str().unwrap().to_owned();
        Self { origin, endpoint, client, data, demonstration }
    }

    /// A guest on the site's page whose requests carry this trace.
    pub(crate) fn guest(&self, trace_id: &str) -> Guest {
        Guest::with_chrome(&self.endpoint, demo::DEPLOYMENT_PAGE)
            .with("origin", &self.origin)
            .with("traceparent", &format!("00-{trace_id}-00f067aa0ba902b7-01"))
    }

    pub(crate) async fn gets(&self, path: &str) -> Response {
        self.gets_from(&self.origin, path).await
    }

    pub(crate) async fn gets_from(&self, origin: &str, path: &str) -> Response {
        self.client.get(format!("{origin}{path}")).send().await.unwrap()
    }

    /// Presses a button as a page on `origin` would.
    pub(crate) async fn presses_from(&self, origin: &str, button: &str, body: Value) -> Response {
        let mut call = self.client.post(format!("{}/control/{button}", self.origin)).json(&body);
        for (name, value) in self.guest(TRACE).headers {
            // The header that the browser itself sends with each request, whatever its target.
            if !name.starts_with("x-twilio-sec-") && name != "origin" && name != "traceparent" {
                call = call.header(name, value);
            }
        }
        call.header("origin", origin).send().await.unwrap()
    }

    /// Presses a button as the page itself does.
    pub(crate) async fn presses(&self, button: &str, body: Value) -> Response {
        let answer = self.presses_from(&self.origin, button, body).await;
        assert!(answer.status().is_success(), "{button}: {}", answer.status());
        answer
    }

    pub(crate) async fn listens(&self) -> Listening {
        Listening { response: self.gets("/events").await, read: String::new() }
    }

    pub(crate) fn desk_secret(&self) -> String {
        fs::read_to_string(self.data.path().join(demo::DESK_SECRET)).unwrap()
    }

    pub(crate) fn accounts(&self) -> String {
        fs::read_to_string(self.data.path().join("accounts.toml")).unwrap()
    }
}

/// An open stream of arrows.
pub(crate) struct Listening {
    response: Response,
    /// Everything received so far.
    pub(crate) read: String,
}

impl Listening {
    /// Reads until a condition holds of the events so far; each has a name and data.
    pub(crate) async fn until(&mut self, holds: impl Fn(&[(String, Value)]) -> bool) -> Vec<(String, Value)> {
        loop {
            let events = self.events();
            if holds(&events) {
                return events;
            }
            let Ok(chunk) = timeout(PATIENCE, self.response.chunk()).await else {
                panic!("no further event after\n{}", self.read);
            };
            self.read += str::from_utf8(&chunk.unwrap().expect("the stream stays open")).unwrap();
        }
    }

    fn events(&self) -> Vec<(String, Value)> {
        let whole = self.read.rsplit_once("\n\n").map_or("", |(whole, _)| whole);
        let event = |frame: &str| {
            let (name, data) = frame.split_once('\n')?;
            let data = serde_json::from_str(data.strip_prefix("data: ")?).unwrap();
            Some((name.strip_prefix("event: ")?.to_owned(), data))
        };
        whole.split("\n\n").filter_map(event).collect()
    }
}
