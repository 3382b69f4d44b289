//! The headers of a request that say where it comes from: client address, origin, trace, and the report of a proxy.

use std::{net::IpAddr, sync::LazyLock};

use actix_http::header::{HeaderMap, HeaderName, HeaderValue};
use orchestrator::{
    accounts::AllowedOrigins,
    admission::{client_address::TrustedProxies, cors},
    authorize::{GuestRequest, Options},
    dpop::{PublicUrls, Target},
};
use service_runtime::{Clock, RequestContext, random::Random};

const HEADERS: [&str; 16] = [
    "host",
    "origin",
    "access-control-request-headers",
    "traceparent",
    "x-request-id",
    "x-forwarded-for",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-forwarded-method",
    "x-forwarded-uri",
    "x-forwarded-uri",
    "x-original-method",
    "x-original-url",
    "x-webchat-options",
    "x-webchat-options",
];

struct World {
    proxies: TrustedProxies,
    public_urls: PublicUrls,
    origins: AllowedOrigins,
    clock: Clock,
    random: Random,
}

static WORLD: LazyLock<World> = LazyLock::new(|| World {
    proxies: "127.0.0.0/8,10.0.0.0/8,fd00::/8".parse().expect("networks"),
    public_urls: "https://chat.example.com,http://localhost:8080".parse().expect("URLs"),
    origins: AllowedOrigins::parse(&["https://shop.example.com", "https://*.example.net"]).expect("origins"),
    clock: Clock::system(),
    random: Random::default(),
});

/// Reads `data` as method, path, query and headers, separated by line feeds; an empty header is absent.
///
/// # Panics
/// If a property of the reading is violated: that is the fuzzer's goal.
pub fn headers(data: &[u8]) {
    let mut parts = data.split(|byte| *byte == b'\n');
    let mut line = || parts.next().and_then(|part| str::from_utf8(part).ok()).unwrap_or_default();
    let [method, path, query] = [line(), line(), line()];
    let mut headers = HeaderMap::new();
    for (name, value) in HEADERS.into_iter().zip(parts).filter(|(_, value)| !value.is_empty()) {
        if let Ok(value) = HeaderValue::from_bytes(value) {
            headers.append(HeaderName::from_static(name), value);
        }
    }
    let World { proxies, public_urls, origins, clock, random } = &*WORLD;
    let peer = IpAddr::from([127, 0, 0, 1]);
    let mut context = RequestContext::new(&headers, Some(peer), clock, random);
    (context.method, context.path, context.query) = (method, path, query);

    let trace = context.trace.header();
    assert!(trace.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-') && trace.starts_with("00-"));
    assert!(context.request_id.as_str().bytes().all(|byte| byte.is_ascii_graphic()));

    let hops = proxies.hops(&context);
    let client = hops.client.expect("at least the connection's address");
    assert!(hops.trusted_hops > 0 && client == client.to_canonical());
    if !headers.contains_key("x-forwarded-for") {
        assert_eq!(client, peer);
    }
    let stranger = RequestContext::new(&headers, Some(IpAddr::from([192, 0, 2, 1])), clock, random);
    assert_eq!(proxies.client_address(&stranger), stranger.peer, "only a proxy's report counts");

    let target = Target::of_request(&context, path, public_urls, hops.trusted_hops);
    assert_eq!(target.path, path);
    let origin = context.header("origin");
    let decision = cors::decide(origins, origin, true);
    assert!(HeaderValue::from_str(decision.allow_origin).is_ok());
    if !decision.refused {
        let host = decision.allow_origin.strip_prefix("https://").expect("an origin of the list");
        assert!(host == "shop.example.com" || host.ends_with(".example.net"), "{host}");
    }
    assert!(HeaderValue::from_str(cors::preflight(origin)).is_ok());
    let allowed = cors::allowed_headers(context.header("access-control-request-headers"));
    assert!(allowed.split(", ").all(|name| HeaderName::from_bytes(name.as_bytes()).is_ok()));
    assert!(allowed.split(", ").all(|name| name != "*" && !name.starts_with("x-forwarded-")));

    let _ = Options::read(&context);
    if let Ok(guest_request) = GuestRequest::read(&context, public_urls) {
        let report = format!("{guest_request:?}");
        assert!(!report.contains('\n'));
    }
}
