//! `FWO ->> FWO: Sets ACAO response header` (contract, section 5): decides the `Access-Control-Allow-Origin` of a response,
//! errors included, whether the page's origin is rejected, and the headers of a preflight response. Pure functions; the
//! caller writes the headers and adds `Vary: Origin`.

use crate::accounts::AllowedOrigins;

/// `Access-Control-Allow-Origin` before the account is known, and if its list is empty.
pub const ANY_ORIGIN: &str = "*";

/// `Access-Control-Allow-Methods` of a preflight response.
pub const ALLOWED_METHODS: &str = "GET, POST, OPTIONS";

/// `Access-Control-Allow-Headers` of a preflight response: the widget's (contract, section 4), and those of a page with a
/// proof key, its own trace or a key for the repeats of a message, or that sends the index of a list as a header (section
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

    proptest! {
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
