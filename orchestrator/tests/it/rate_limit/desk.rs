//! The limits of the desk's listener: an API key's, and a visitor's with wrong credentials.

use std::{net::IpAddr, num::NonZeroU32, time::Duration};

use actix_web::http::header::HeaderMap;
use orchestrator::admission::rate_limit::{Limited, Policy, RateLimiter};
use service_runtime::{Clock, Metrics, RequestContext, random::Random};
use shared_types::ApiKeySid;

use crate::rate_limit::{at, limiter, log_lines, visitor};

const ONE: ApiKeySid = ApiKeySid::from_bits(1);
const TWO: ApiKeySid = ApiKeySid::from_bits(2);

fn limit(calls: u32) -> NonZeroU32 {
    NonZeroU32::new(calls).unwrap()
}

fn granted(tries: u32, take: impl Fn() -> Result<(), Limited>) -> u32 {
    (0..tries).map(|_| u32::from(take().is_ok())).sum()
}

#[test]
fn an_api_key_has_its_own_limit() {
    let limits = limiter();
    assert_eq!(granted(1000, || limits.api_key(ONE, limit(600), at(0))), 600);
    assert_eq!(granted(1000, || limits.api_key(TWO, limit(60), at(0))), 60);
    let refused = limits.api_key(TWO, limit(60), at(500)).unwrap_err();
    assert_eq!((refused.policy, refused.retry_after), (Policy::ApiKeyCalls, Duration::from_millis(500)));
    assert_eq!(refused.policy_header(), r#""api_key_calls";q=60;w=60"#);
    assert_eq!(granted(1000, || limits.api_key(TWO, limit(60), at(2000))), 2);
}

#[test]
fn visitors_cannot_evict_the_limit_of_an_api_key() {
    let limits = RateLimiter::with_capacity(&Metrics::default(), 16);
    granted(600, || limits.api_key(ONE, limit(600), at(0)));
    for n in 0..10_000 {
        assert!(limits.refused_credentials(visitor(n), at(0)).is_ok());
    }
    assert!(limits.api_key(ONE, limit(600), at(0)).is_err());
}

#[test]
fn wrong_credentials_count_for_each_visitor() {
    let limits = limiter();
    let take = |client: Option<IpAddr>| limits.refused_credentials(client, at(0));
    assert_eq!(granted(100, || take(visitor(1))), 10);
    assert_eq!(granted(100, || take(visitor(2))), 10);
    let [first, same_64, other_64] =
        ["2001:db8::1", "2001:db8::2", "2001:db8:0:1::1"].map(|text| text.parse().ok());
    assert_eq!(granted(100, || take(first)), 10);
    assert_eq!(granted(100, || take(same_64)), 0);
    assert_eq!(granted(100, || take(other_64)), 10);
    let refused = limits.refused_credentials(visitor(1), at(0)).unwrap_err();
    assert_eq!(refused.policy_header(), r#""refused_credentials";q=10;w=60"#);
    assert_eq!(refused.retry_after(), 6);
}

#[test]
fn exhausted_limits_are_counted_and_logged_once_a_minute_for_each_key() {
    let metrics = Metrics::default();
    let (limits, headers) = (RateLimiter::new(&metrics), HeaderMap::new());
    let (clock, random) = (Clock::adjustable(), Random::default());
    let request = RequestContext::new(&headers, None, &clock, &random);
    let log = log_lines(|| {
        for key in [ONE, TWO] {
            for _ in 0..3 {
                let taken = limits.api_key(key, limit(1), request.now);
                let _ = limits.record_of_desk(&request, Some(key), taken);
            }
        }
        for _ in 0..12 {
            let taken = limits.refused_credentials(visitor(1), request.now);
            assert_eq!(limits.record_of_desk(&request, None, taken), taken);
        }
    });
    let fields: Vec<_> = log
        .iter()
        .map(|line| (line["fields"]["policy"].clone(), line["fields"]["api_key"].clone()))
        .collect();
    let of_key = |key: ApiKeySid| ("api_key_calls".into(), key.to_string().into());
    let expected = [of_key(ONE), of_key(TWO), ("refused_credentials".into(), serde_json::Value::Null)];
    assert_eq!(fields, expected);
    let text = metrics.openmetrics();
    for (policy, calls) in [("api_key_calls", 4), ("refused_credentials", 2)] {
        let expected = format!(r#"rate_limited_total{{policy="{policy}",mode="enforce"}} {calls}"#);
        assert!(text.contains(&expected), "{text}");
    }
}
