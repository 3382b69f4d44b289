//! Response headers common to all services.

use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use chrono::{DateTime, Utc};
use shared_types::Code;

use crate::telemetry::trace_context::REQUEST_ID;

/// Sets the common response headers. RFC 6749, section 5.1, requires `no-store` on tokens; RFC 9110 requires
/// `WWW-Authenticate` on 401, which `challenge` is for.
pub(super) fn set_common_headers(
    headers: &mut HeaderMap,
    status: u16,
    challenge: Option<&'static str>,
    request_id: &str,
) {
    if status != 204 {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    if let Some(challenge) = challenge.filter(|_| !headers.contains_key(header::WWW_AUTHENTICATE)) {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    }
    if matches!(status, 429 | 503) && !headers.contains_key(header::RETRY_AFTER) {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    if let Ok(value) = HeaderValue::from_str(request_id) {
        headers.insert(HeaderName::from_static(REQUEST_ID), value);
    }
}

/// The time used to validate the request (RFC 9110, section 6.6.1). A page with a wrong clock reads from it the time
/// for its next DPoP proof. actix-web's own `Date` would be the system clock.
pub(super) fn set_date(headers: &mut HeaderMap, now: DateTime<Utc>) {
    if let Ok(value) = HeaderValue::from_str(&now.format("%a, %d %b %Y %H:%M:%S GMT").to_string()) {
        headers.insert(header::DATE, value);
    }
}

/// RFC 6750, section 3: `invalid_token` also covers expired and revoked tokens. RFC 9449, sections 7.1 and 8, for DPoP.
pub(super) fn challenge(code: Code) -> &'static str {
    if code == Code::InvalidServiceCredential {
        r#"Bearer realm="services""#
    } else if code == Code::InvalidDpopProof {
        r#"DPoP error="invalid_dpop_proof", algs="ES256""#
    } else if code == Code::UseDpopNonce {
        r#"DPoP error="use_dpop_nonce", algs="ES256""#
    } else {
        r#"Bearer realm="webchat", error="invalid_token""#
    }
}
