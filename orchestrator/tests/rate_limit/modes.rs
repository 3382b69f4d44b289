//! What becomes of a call over a limit: refused or only told of, and counted either way.

use actix_web::http::header::HeaderMap;
use orchestrator::rate_limit::{Policy, RateLimits};
use service_runtime::{Call, Clock, Metrics, random::Random};

use crate::{deployments, log_lines, visitor};

#[test]
fn what_is_enforced_is_refused_counted_and_told() {
    let [_, own] = deployments("visitor_creates_per_minute = 1");
    let metrics = Metrics::default();
    let limits = RateLimits::new(&metrics);
    let headers = HeaderMap::new();
    let mut call = Call::new(&headers, None, &Clock::system(), &Random::default());
    call.account = Some(own.account.sid);
    let log = log_lines(|| {
        assert!(limits.check_create(&call, &own.deployment, visitor(1)).is_ok());
        let limited = limits.check_create(&call, &own.deployment, visitor(1)).unwrap_err();
        assert_eq!(limited.policy, Policy::VisitorCreates);
        assert!(limits.check_call(&call, &own.deployment, visitor(1)).is_ok());
    });
    assert_eq!(log.len(), 1, "{log:?}");
    assert_eq!(log[0]["target"], "audit");
    let fields = &log[0]["fields"];
    assert_eq!(fields["event"], "rate_limited");
    assert_eq!((&fields["policy"], &fields["mode"]), (&"visitor_creates".into(), &"enforce".into()));
    assert_eq!(fields["limit"], 1);
    assert_eq!(fields["account"], "AC00000000000000000000000000000001");
    assert_eq!(fields["address_sid"], "IG00000000000000000000000000000002");
    assert_eq!(fields["request_id"], call.request_id.as_str());
    let text = metrics.render();
    assert!(text.contains(r#"rate_limited_total{policy="visitor_creates",mode="enforce"} 1"#), "{text}");
}

#[test]
fn what_is_only_logged_is_served_counted_and_told() {
    let [_, own] =
        deployments(r#"visitor_calls_per_minute = 1, visitor_creates_per_minute = 1, mode = "log""#);
    let metrics = Metrics::default();
    let limits = RateLimits::new(&metrics);
    let headers = HeaderMap::new();
    let call = Call::new(&headers, None, &Clock::system(), &Random::default());
    let log = log_lines(|| {
        for _ in 0..10 {
            assert!(limits.check_call(&call, &own.deployment, visitor(1)).is_ok());
            assert!(limits.check_create(&call, &own.deployment, visitor(1)).is_ok());
        }
    });
    assert_eq!(log.len(), 18);
    assert!(log.iter().all(|line| line["fields"]["mode"] == "log"));
    let text = metrics.render();
    for policy in ["visitor_calls", "visitor_creates"] {
        let expected = format!(r#"rate_limited_total{{policy="{policy}",mode="log"}} 9"#);
        assert!(text.contains(&expected), "{text}");
    }
}

#[test]
fn neither_mode_tells_who_it_was() {
    let [_, own] = deployments(r#"visitor_calls_per_minute = 1, mode = "log""#);
    let limits = RateLimits::new(&Metrics::default());
    let headers = HeaderMap::new();
    let call = Call::new(&headers, None, &Clock::system(), &Random::default());
    let address = "203.0.113.77".parse().unwrap();
    let log = log_lines(|| {
        for _ in 0..3 {
            let _ = limits.check_call(&call, &own.deployment, Some(address));
        }
    });
    assert_eq!(log.len(), 2);
    assert!(!format!("{log:?}{limits:?}").contains("203.0.113"), "{log:?}");
}
