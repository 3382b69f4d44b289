//! `FWO ->> FWO: Sets ACAO response header` (contract, section 5): decides the `Access-Control-Allow-Origin` of a response,
//! errors included, whether the page's origin is rejected, and the headers of a preflight response. Pure functions; the
//! caller writes the headers and adds `Vary: Origin`.

use actix_web::http::header::HeaderName;

use crate::accounts::AllowedOrigins;

/// `Access-Control-Allow-Origin` before the account is known, and if its list is empty.
pub const ANY_ORIGIN: &str = "*";

/// `Access-Control-Allow-Methods` of a preflight response.
pub const ALLOWED_METHODS: &str = "GET, POST, OPTIONS";

/// `Access-Control-Allow-Headers` of every preflight response: the widget's (contract, section 4), and those of a page with
/// a proof key, its own trace or a key for the repeats of a message, or that sends the index of a list as a header (section
/// 12). Listed one by one, because `*` never covers `authorization`.
pub const ALLOWED_HEADERS: &str = "authorization, content-type, dpop, idempotency-key, request-id, traceparent, \
    tracestate, ui-version, webchat-after, webchat-version, x-twilio-sec-decoders, x-twilio-sec-usersettings, \
    x-twilio-sec-webchatinfo";

/// `Access-Control-Expose-Headers` of every response: the headers that a page may read.
pub const EXPOSED_HEADERS: &str =
    "allow, date, dpop-nonce, ratelimit, ratelimit-policy, request-id, retry-after, www-authenticate";

/// `Access-Control-Max-Age` of a preflight response, in seconds: Chromium's maximum.
pub const MAX_AGE: &str = "7200";

/// The decision for one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision<'a> {
    /// The value of `Access-Control-Allow-Origin`.
    pub allow_origin: &'a str,
    /// Whether the request is rejected with 403 `origin_not_allowed`.
    pub refused: bool,
}

/// Decides for a deployment's list and the request's `Origin`, if any.
///
/// For an origin that is not on the list, the header is the whole list, which no browser accepts as its own origin. With
/// the feature off, the browser then withholds the response; with it on, the request is rejected before any work is done.
pub fn decide<'a>(
    allowed: &'a AllowedOrigins,
    origin: Option<&'a [u8]>,
    webchat_security_is_on: bool,
) -> Decision<'a> {
    if allowed.is_empty() {
        return Decision { allow_origin: ANY_ORIGIN, refused: false };
    }
    match origin.filter(|origin| allowed.allows(origin)).and_then(|origin| str::from_utf8(origin).ok()) {
        Some(origin) => Decision { allow_origin: origin, refused: false },
        None => Decision { allow_origin: allowed.joined(), refused: webchat_security_is_on },
    }
}

/// `Access-Control-Allow-Origin` of a preflight response: always the requesting origin. The deployment key is in the body,
/// which a preflight does not have, so the rule applies to the request that follows.
pub fn preflight(origin: Option<&[u8]>) -> &str {
    origin
        // Other bytes are not an origin, and not a valid header value.
        .filter(|origin| !origin.is_empty() && origin.iter().all(u8::is_ascii_graphic))
        .and_then(|origin| str::from_utf8(origin).ok())
        .unwrap_or(ANY_ORIGIN)
}

/// Maximum number of headers that a preflight request may ask for, and of their bytes.
const MAX_ASKED: usize = 32;
const MAX_ASKED_BYTES: usize = 1024;

/// Headers that tell a service who the client is, which a page must not do for it; and the star, which would
/// allow them all. A header whose name begins with one of these is not allowed.
const FORBIDDEN: [&str; 6] = ["x-forwarded-", "forwarded", "x-original-", "x-webchat-", "x-http-method", "*"];

/// `Access-Control-Allow-Headers` of a preflight response to `Access-Control-Request-Headers`: [`ALLOWED_HEADERS`], and
/// whatever else the page asks for. A site's monitoring adds headers of its own to every request, and no credentials are
/// involved.
pub fn allowed_headers(asked: Option<&[u8]>) -> String {
    let mut allowed = ALLOWED_HEADERS.to_owned();
    let asked = asked.filter(|asked| asked.len() <= MAX_ASKED_BYTES).unwrap_or_default();
    let names: Vec<&[u8]> = asked.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).collect();
    if names.len() > MAX_ASKED {
        return allowed;
    }
    // Parsing lower-cases the name.
    for name in names.into_iter().filter_map(|name| HeaderName::from_bytes(name).ok()) {
        let name = name.as_str();
        let is_forbidden = FORBIDDEN.iter().any(|prefix| name.starts_with(prefix));
        if !is_forbidden && allowed.split(", ").all(|other| other != name) {
            allowed.extend([", ", name]);
        }
    }
    allowed
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ON: bool = true;
    const OFF: bool = false;
    const LISTED: Option<&[u8]> = Some(b"https://shop.example.com");
    const UNLISTED: Option<&[u8]> = Some(b"https://evil.example");
    const LIST: &str = "https://shop.example.com, https://*.example.org";

    /// The contract's table, row by row; its first row is "any or none".
    #[test]
    fn the_table() {
        let empty = AllowedOrigins::default();
        let set = AllowedOrigins::parse(&["https://shop.example.com", "https://*.example.org"]).unwrap();
        for (allowed, origin, feature, allow_origin, refused) in [
            (&empty, LISTED, ON, "*", false),
            (&empty, LISTED, OFF, "*", false),
            (&empty, None, ON, "*", false),
            (&empty, None, OFF, "*", false),
            (&set, LISTED, ON, "https://shop.example.com", false),
            (&set, LISTED, OFF, "https://shop.example.com", false),
            (&set, UNLISTED, ON, LIST, true),
            (&set, UNLISTED, OFF, LIST, false),
            (&set, None, ON, LIST, true),
            (&set, None, OFF, LIST, false),
        ] {
            let decision = decide(allowed, origin, feature);
            let cell = format!("{:?} {origin:?} feature {feature}", allowed.joined());
            assert_eq!(decision, Decision { allow_origin, refused }, "{cell}");
        }
    }

    #[test]
    fn a_wildcard_allows_the_requesting_origin() {
        let set = AllowedOrigins::parse(&["https://*.example.org"]).unwrap();
        assert_eq!(decide(&set, Some(b"https://a.example.org"), ON).allow_origin, "https://a.example.org");
        assert!(decide(&set, Some(b"https://*.example.org"), ON).refused);
    }

    #[test]
    fn an_opaque_origin_is_rejected_unless_listed() {
        let set = AllowedOrigins::parse(&["https://shop.example.com"]).unwrap();
        assert!(decide(&set, Some(b"null"), ON).refused);
        let with_null = AllowedOrigins::parse(&["https://shop.example.com", "null"]).unwrap();
        assert_eq!(decide(&with_null, Some(b"null"), ON), Decision { allow_origin: "null", refused: false });
    }

    #[test]
    fn a_preflight_allows_the_requesting_origin() {
        assert_eq!(preflight(UNLISTED), "https://evil.example");
        assert_eq!(preflight(Some(b"null")), "null");
        for not_an_origin in
            [None, Some(&b""[..]), Some(b"https://a b"), Some(b"https://\xff"), Some(b"a\r\nb: c")]
        {
            assert_eq!(preflight(not_an_origin), "*");
        }
    }

    #[test]
    fn a_preflight_allows_every_header_of_the_contract() {
        let allowed: Vec<&str> = ALLOWED_HEADERS.split(", ").collect();
        for header in [
            "x-twilio-sec-decoders",
            "x-twilio-sec-usersettings",
            "x-twilio-sec-webchatinfo",
            "ui-version",
            "webchat-version",
            "authorization",
            "content-type",
            "traceparent",
            "dpop",
            "idempotency-key",
            "webchat-after",
        ] {
            assert!(allowed.contains(&header), "{header}");
        }
        for header in allowed.iter().copied().chain(EXPOSED_HEADERS.split(", ")) {
            assert!(header.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{header:?}");
        }
    }

    #[test]
    fn a_preflight_allows_the_headers_of_a_sites_own_monitoring() {
        let extra = |asked: &str| {
            let allowed = allowed_headers(Some(asked.as_bytes()));
            let extra =
                allowed.strip_prefix(ALLOWED_HEADERS).expect("the list of every response comes first");
            extra.strip_prefix(", ").unwrap_or(extra).to_owned()
        };
        for (asked, allowed) in [
            ("content-type,baggage,sentry-trace", "baggage, sentry-trace"),
            (" X-Datadog-Origin , newrelic,b3,b3", "x-datadog-origin, newrelic, b3"),
            ("x-requested-with, cache-control", "x-requested-with, cache-control"),
            ("dpop", ""),
            (
                "x-forwarded-for,X-Forwarded-Host,forwarded,x-original-url,x-webchat-client,x-http-method-override",
                "",
            ),
            ("a b,,é,a:b,*,ok", "ok"),
        ] {
            assert_eq!(extra(asked), allowed, "{asked}");
        }
        let names = |number: usize| (0..number).map(|n| format!("h{n}")).collect::<Vec<_>>().join(",");
        assert_eq!(extra(&names(MAX_ASKED)).split(", ").count(), MAX_ASKED);
        assert_eq!(extra(&names(MAX_ASKED + 1)), "");
        assert_eq!(extra(&"x".repeat(MAX_ASKED_BYTES + 1)), "");
        assert_eq!(allowed_headers(None), ALLOWED_HEADERS);
    }

    proptest! {
        #[test]
        fn no_bytes_make_a_malformed_list_of_headers(asked in prop::collection::vec(any::<u8>(), 0..64)) {
            let allowed = allowed_headers(Some(&asked));
            prop_assert!(allowed.bytes().all(|b| (b' '..=b'~').contains(&b)));
        }

        /// Whatever the client sends, the value is a valid header value.
        #[test]
        fn no_bytes_make_a_malformed_header(origin in prop::collection::vec(any::<u8>(), 0..64)) {
            let set = AllowedOrigins::parse(&["https://*.example.org"]).unwrap();
            for value in [decide(&set, Some(&origin), ON).allow_origin, preflight(Some(&origin))] {
                prop_assert!(!value.is_empty() && value.bytes().all(|b| (b' '..=b'~').contains(&b)));
            }
        }
    }
}
