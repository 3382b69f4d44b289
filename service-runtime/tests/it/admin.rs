//! The admin listener: `GET` and `HEAD`, and the format of the metrics that a scraper asks for.

use std::time::Duration;

use service_runtime::{Listeners, Running};
use test_support::{
    http::Request,
    smallest_service::{Gate, service_on},
};

use crate::strict::listener;

const PATHS: [&str; 3] = ["/healthz", "/readyz", "/metrics"];

fn start() -> Running {
    let service = service_on(Gate::closed(), Duration::ZERO, listener(usize::MAX));
    service.start(Listeners::loopback().unwrap()).unwrap()
}

#[tokio::test]
async fn head_is_get_without_its_body() {
    let admin = start().admin_address;
    for path in PATHS {
        let get = Request::get(path).send(admin).await;
        let head = Request::new("HEAD", path).send(admin).await;
        assert_eq!((get.status, head.status), (200, 200), "{path}");
        assert_eq!(head.header("content-type"), get.header("content-type"), "{path}");
        assert!(!get.text.is_empty() && head.text.is_empty(), "{path}: {}", head.text);
    }
}

#[tokio::test]
async fn other_methods_return_405_with_allow() {
    let admin = start().admin_address;
    for path in PATHS {
        for method in ["POST", "DELETE", "OPTIONS"] {
            let refused = Request::new(method, path).send(admin).await;
            assert_eq!(
                (refused.status, refused.code().as_str()),
                (405, "method_not_allowed"),
                "{method} {path}"
            );
            assert_eq!(refused.header("allow"), "GET, HEAD", "{method} {path}");
        }
    }
}

#[tokio::test]
async fn metrics_have_the_format_that_is_asked_for() {
    let admin = start().admin_address;
    let (text, openmetrics) = ("text/plain; version=0.0.4", "application/openmetrics-text; version=1.0.0");
    let prometheus =
        "application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
    for (accept, format) in [
        ("", text),
        ("*/*", text),
        ("text/plain", text),
        ("application/openmetrics-text; q=0", text),
        ("application/openmetrics-text", openmetrics),
        (prometheus, openmetrics),
    ] {
        let mut request = Request::get("/metrics");
        if !accept.is_empty() {
            request = request.header("accept", accept);
        }
        let metrics = request.send(admin).await;
        assert_eq!(metrics.header("content-type"), format!("{format}; charset=utf-8"), "{accept:?}");
        let is_openmetrics = format == openmetrics;
        assert_eq!(metrics.text.ends_with("# EOF\n"), is_openmetrics, "{accept:?}");
        let described = if is_openmetrics {
            "# TYPE http_requests counter"
        } else {
            "# TYPE http_requests_total counter"
        };
        assert!(metrics.text.lines().any(|line| line == described), "{accept:?}: {}", metrics.text);
    }
}
