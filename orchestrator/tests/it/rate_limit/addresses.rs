//! A trusted proxy that forwards malformed addresses: its visitors share limits, and the log warns within bounds.

use std::net::IpAddr;

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use chrono::TimeDelta;
use orchestrator::admission::client_address::TrustedProxies;
use service_runtime::{Clock, RequestContext, random::Random};

use crate::rate_limit::log_lines;

#[test]
fn malformed_addresses_warn_once_a_minute_without_the_value() {
    let (clock, random) = (Clock::adjustable(), Random::default());
    let proxies: TrustedProxies = "10.0.0.0/8".parse().unwrap();
    let clients = |forwarded: &'static str| {
        let mut headers = HeaderMap::new();
        let name = HeaderName::from_static("x-forwarded-for");
        headers.append(name, HeaderValue::from_static(forwarded));
        let peer: IpAddr = "10.0.0.1".parse().unwrap();
        for proxies in [proxies.clone(), proxies.clone()] {
            let call = RequestContext::new(&headers, Some(peer), &clock, &random);
            assert!(proxies.client_address(&call).is_some());
        }
    };
    assert!(log_lines(|| clients("198.51.100.1:80, ")).is_empty());
    let log = log_lines(|| (0..1000).for_each(|_| clients("198.51.100.1;hunter2")));
    assert_eq!(log.len(), 1, "{log:?}");
    assert_eq!((&log[0]["level"], &log[0]["fields"]["proxy"]), (&"WARN".into(), &"10.0.0.1".into()));
    assert_eq!(log[0]["fields"]["shape"], "999.99.999.9;aaaaaa9");
    clock.advance(TimeDelta::seconds(61));
    assert_eq!(log_lines(|| clients("unknown")).len(), 1);
}
