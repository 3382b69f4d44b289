//! The trace of a request as an OpenTelemetry collector receives it: one trace from the browser's own span through FWO,
//! FAS and SAS, with spans named after the messages on the arrows, linked to the access log by the trace id. The
//! collector is a fake, as it belongs to the outside world.

use std::{
    net::TcpListener,
    sync::mpsc::{Receiver, Sender, channel},
};

use actix_web::{App, HttpResponse, HttpServer, web};
use local_stack::{Guest, Stack, StackConfig, demo};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest, common::v1::any_value::Value, trace::v1::Span,
};
use prost::Message as _;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const BROWSERS_SPAN: &str = "00f067aa0ba902b7";

/// A span and its service.
struct ServiceSpan {
    service: String,
    span: Span,
}

impl ServiceSpan {
    /// `FAS server refresh_token`
    fn name(&self) -> String {
        let service = match self.service.as_str() {
            "FlexWebchatOrchestratorService" => "FWO",
            "FederatedAuthService" => "FAS",
            "ScopedAuthService" => "SAS",
            other => other,
        };
        let kind = if self.span.kind == 2 { "server" } else { "client" };
        format!("{service} {kind} {}", self.span.name)
    }

    fn attribute(&self, name: &str) -> Option<String> {
        let attribute = self.span.attributes.iter().find(|attribute| attribute.key == name)?;
        let value = attribute.value.clone()?.value?;
        if let Value::IntValue(number) = value {
            return Some(number.to_string());
        }
        let Value::StringValue(text) = value else { panic!("{value:?}") };
        Some(text)
    }
}

/// A collector that forwards the spans it receives.
async fn collector() -> (String, Receiver<ServiceSpan>) {
    let (sender, spans) = channel();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = HttpServer::new(move || {
        App::new().app_data(web::Data::new(sender.clone())).route("/v1/traces", web::post().to(take))
    });
    tokio::spawn(server.workers(1).disable_signals().listen(listener).unwrap().run());
    (url, spans)
}

async fn take(sender: web::Data<Sender<ServiceSpan>>, body: web::Bytes) -> HttpResponse {
    for resource in ExportTraceServiceRequest::decode(body).unwrap().resource_spans {
        let attributes = resource.resource.unwrap().attributes;
        let service = attributes.into_iter().find(|attribute| attribute.key == "service.name").unwrap();
        let Some(Value::StringValue(service)) = service.value.unwrap().value else { panic!("no name") };
        for span in resource.scope_spans.into_iter().flat_map(|scope| scope.spans) {
            sender.send(ServiceSpan { service: service.clone(), span }).unwrap();
        }
    }
    HttpResponse::Ok().content_type("application/x-protobuf").finish()
}

#[tokio::test]
async fn one_trace_spans_all_services() {
    let (endpoint, spans) = collector().await;
    let data = tempfile::tempdir().unwrap();
    let plan = StackConfig { otlp_endpoint: Some(endpoint), ..StackConfig::for_test(data.path()) };
    let stack = Stack::start(&plan).await.unwrap();
    let guest = Guest::with_chrome(&stack.url, demo::DEPLOYMENT_ON);
    let token = guest.creates_token().await.text("token");
    let traced = guest.clone().with("traceparent", &format!("00-{TRACE}-{BROWSERS_SPAN}-00"));
    let refreshed = traced.refreshes_token(&token).await;
    assert_eq!(refreshed.status, 200);
    let thief =
        guest.thief_with_firefox().with("traceparent", &format!("00-{}-{BROWSERS_SPAN}-01", "a".repeat(32)));
    assert_eq!(thief.refreshes_token(&refreshed.text("token")).await.status, 403);
    // Shutdown exports the remaining spans.
    stack.stop().await;
    let spans: Vec<ServiceSpan> = spans.try_iter().collect();

    let refresh: Vec<&ServiceSpan> =
        spans.iter().filter(|span| hex::encode(&span.span.trace_id) == TRACE).collect();
    let parent = |span: &ServiceSpan| {
        let is_parent = |other: &&&ServiceSpan| other.span.span_id == span.span.parent_span_id;
        refresh
            .iter()
            .find(is_parent)
            .map_or_else(|| hex::encode(&span.span.parent_span_id), |parent| parent.name())
    };
    let mut tree: Vec<(String, String)> = refresh.iter().map(|span| (parent(span), span.name())).collect();
    tree.sort();
    let expected = [
        (BROWSERS_SPAN, "FWO server refresh_token"),
        ("FAS client validate", "SAS server validate"),
        ("FAS server refresh_token", "FAS client validate"),
        ("FWO client refresh_token", "FAS server refresh_token"),
        ("FWO server refresh_token", "FWO client refresh_token"),
    ];
    let mut expected: Vec<_> =
        expected.map(|(parent, name)| (parent.to_owned(), name.to_owned())).into_iter().collect();
    expected.sort();
    assert_eq!(tree, expected);
    for span in &refresh {
        assert!(span.span.start_time_unix_nano <= span.span.end_time_unix_nano);
    }
    let at_fwo = refresh.iter().find(|span| span.name() == "FWO server refresh_token").unwrap();
    assert_eq!(at_fwo.attribute("request_id").unwrap(), refreshed.header("request-id"));
    assert_eq!(at_fwo.attribute("http.response.status_code").unwrap(), "200");
    assert_eq!(at_fwo.attribute("account").unwrap(), "AC00000000000000000000000000000001");

    let refused = |span: &&ServiceSpan| {
        hex::encode(&span.span.trace_id) == "a".repeat(32) && span.name() == "FWO server refresh_token"
    };
    let refused = spans.iter().find(refused).unwrap();
    assert_eq!(refused.attribute("error.type").unwrap(), "fingerprint_invalid");

    // No data of the guest is exported.
    let all = spans.iter().map(|span| format!("{:?}", span.span)).collect::<String>();
    for secret in [token.as_str(), "fp2.", "Mozilla", "1795197600000", "127.0.0.1"] {
        assert!(!all.contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn an_unresponsive_collector_does_not_delay_requests() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    // Once with more spans than the queue holds.
    for (address, creates) in [(silent.local_addr().unwrap(), 1000), (gone, 10)] {
        let data = tempfile::tempdir().unwrap();
        let plan = StackConfig {
            otlp_endpoint: Some(format!("http://{address}")),
            ..StackConfig::for_test(data.path())
        };
        std::fs::write(plan.accounts_file(), demo::accounts_without_limits()).unwrap();
        let stack = Stack::start(&plan).await.unwrap();
        let guest = Guest::with_chrome(&stack.url, demo::DEPLOYMENT_ON);
        for _ in 0..creates {
            assert_eq!(guest.creates_token().await.status, 200);
        }
        tokio::time::timeout(std::time::Duration::from_secs(10), stack.stop()).await.unwrap();
    }
}
