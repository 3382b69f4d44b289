//! Requests over a limit: rejected, or only logged; counted in both modes.

use actix_web::http::header::HeaderMap;
use chrono::TimeDelta;
use orchestrator::admission::rate_limit::{Policy, RateLimiter};
use service_runtime::{Clock, Metrics, RequestContext, random::Random};

use crate::rate_limit::{call, create, deployments, log_lines, visitor};

#[test]
fn enforced_limits_reject_count_and_log() {
    let [_, own] = deployments("visitor_creates_per_minute = 1");
    let metrics = Metrics::default();
    let limits = RateLimiter::new(&metrics);
    let headers = HeaderMap::new();
    let mut request = RequestContext::new(&headers, None, &Clock::system(), &Random::default());
    request.account = Some(own.account.sid);
    let creates = || {
        let taken = create(&limits, &own.deployment, visitor(1), request.now);
        limits.record(&request, &own.deployment, taken)
    };
    let log = log_lines(|| {
        assert_eq!(creates(), Ok(false));
        assert_eq!(creates().unwrap_err().policy, Policy::VisitorCreates);
        let taken = call(&limits, &own.deployment, visitor(1), request.now);
        assert_eq!(limits.record(&request, &own.deployment, taken), Ok(false));
    });
    assert_eq!(log.len(), 1, "{log:?}");
    assert_eq!(log[0]["target"], "audit");
    let fields = &log[0]["fields"];
    assert_eq!(fields["event"], "rate_limited");
    assert_eq!((&fields["policy"], &fields["mode"]), (&"visitor_creates".into(), &"enforce".into()));
    assert_eq!((&fields["limit"], &fields["calls"]), (&1.into(), &1.into()));
    assert_eq!(fields["account"], "AC00000000000000000000000000000001");
    assert_eq!(fields["address_sid"], "IG00000000000000000000000000000002");
    assert_eq!(fields["request_id"], request.request_id.as_str());
    let text = metrics.openmetrics();
    assert!(text.contains(r#"rate_limited_total{policy="visitor_creates",mode="enforce"} 1"#), "{text}");
}

#[test]
fn log_only_limits_serve_and_count() {
    let [_, own] =
        deployments(r#"visitor_calls_per_minute = 1, visitor_creates_per_minute = 1, mode = "log""#);
    let metrics = Metrics::default();
    let limits = RateLimiter::new(&metrics);
    let headers = HeaderMap::new();
    let request = RequestContext::new(&headers, None, &Clock::system(), &Random::default());
    let log = log_lines(|| {
        for nth in 0..10 {
            let called = call(&limits, &own.deployment, visitor(1), request.now);
            assert_eq!(limits.record(&request, &own.deployment, called), Ok(nth > 0));
            let created = create(&limits, &own.deployment, visitor(1), request.now);
            assert_eq!(limits.record(&request, &own.deployment, created), Ok(nth > 0));
        }
    });
    assert_eq!(log.len(), 2, "{log:?}");
    assert!(log.iter().all(|line| line["fields"]["mode"] == "log"));
    let text = metrics.openmetrics();
    for policy in ["visitor_calls", "visitor_creates"] {
        let expected = format!(r#"rate_limited_total{{policy="{policy}",mode="log"}} 9"#);
        assert!(text.contains(&expected), "{text}");
    }
}

#[test]
fn a_full_limit_is_logged_once_a_minute_for_each_deployment() {
    let [site, own] = deployments("visitor_calls_per_minute = 300");
    let (clock, random) = (Clock::adjustable(), Random::default());
    let limits = RateLimiter::new(&Metrics::default());
    let headers = HeaderMap::new();
    let hammer = |deployment: &_, calls: u32| {
        let request = RequestContext::new(&headers, None, &clock, &random);
        let refused = |_: &u32| {
            let taken = call(&limits, deployment, visitor(1), request.now);
            limits.record(&request, deployment, taken).is_err()
        };
        (0..calls).filter(refused).count()
    };
    let count_and_log = |calls: u32, deployments: &[&_]| {
        let mut refused = Vec::new();
        let log =
            log_lines(|| refused.extend(deployments.iter().map(|deployment| hammer(deployment, calls))));
        (refused, log.iter().map(|line| line["fields"]["calls"].as_u64().unwrap()).collect::<Vec<_>>())
    };
    let (site, own) = (&site.deployment, &own.deployment);
    assert_eq!(count_and_log(1000, &[site, own]), (vec![700, 700], vec![1, 1]));
    clock.advance(TimeDelta::seconds(30));
    let (refused, lines) = count_and_log(1000, &[site]);
    assert!(refused[0] > 800 && lines.is_empty(), "{refused:?} {lines:?}");
    clock.advance(TimeDelta::seconds(31));
    let (later, lines) = count_and_log(1000, &[site]);
    assert!(later[0] > 700);
    assert_eq!(lines, [700 + refused[0] as u64], "rejections since the previous line, plus the logged one");
}

#[test]
fn neither_mode_logs_an_address() {
    let [_, own] = deployments(r#"visitor_calls_per_minute = 1, mode = "log""#);
    let limits = RateLimiter::new(&Metrics::default());
    let headers = HeaderMap::new();
    let request = RequestContext::new(&headers, None, &Clock::system(), &Random::default());
    let address = "203.0.113.77".parse().unwrap();
    let log = log_lines(|| {
        for _ in 0..3 {
            let taken = call(&limits, &own.deployment, Some(address), request.now);
            let _ = limits.record(&request, &own.deployment, taken);
        }
    });
    assert_eq!(log.len(), 1);
    assert!(!format!("{log:?}{limits:?}").contains("203.0.113"), "{log:?}");
}
