//! Headers of every response to a browser, errors and preflights included. Until the account is known, the allowed origin
//! is `*`; then `admission` sets the one that `cors` decides.

use std::{net::IpAddr, sync::Arc};

use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS, HeaderName,
    HeaderValue, ORIGIN, VARY,
};
use service_runtime::{AccessPolicy, Denied, RequestContext};

use super::{
    client_address::TrustedProxies,
    cors::{self, ALLOWED_METHODS, ANY_ORIGIN, EXPOSED_HEADERS, MAX_AGE},
    networks,
};
use crate::dpop::Nonces;

const DPOP_NONCE: HeaderName = HeaderName::from_static("dpop-nonce");

/// The public side: accepts every caller.
#[derive(Clone, Debug)]
pub struct Public {
    /// The response to a request with a proof has a nonce for the next one (RFC 9449, section 8.2).
    pub nonces: Arc<Nonces>,
    /// Proxies whose `X-Forwarded-For` is trusted.
    pub trusted_proxies: TrustedProxies,
}

impl AccessPolicy for Public {
    const ACCEPTS_FORMS: bool = true;
    const ANSWERS_PREFLIGHTS: bool = true;

    fn authorize(&self, context: &mut RequestContext<'_>, _path: &str) -> Result<(), Denied> {
        context.set_answer_header(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static(ANY_ORIGIN));
        context.set_answer_header(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED_HEADERS));
        context.set_answer_header(VARY, HeaderValue::from_static("Origin"));
        if context.header("dpop").is_some() {
            context.set_answer_header(DPOP_NONCE, self.nonces.current(context.now));
        }
        Ok(())
    }

    fn client(&self, context: &RequestContext<'_>) -> Option<IpAddr> {
        networks::visitor(self.trusted_proxies.client_address(context))
    }

    fn preflight(&self, context: &mut RequestContext<'_>) {
        let origin = cors::preflight(context.header(ORIGIN));
        set_allow_origin(context, origin);
        context.set_answer_header(VARY, HeaderValue::from_static("Origin"));
        context.set_answer_header(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(ALLOWED_METHODS));
        let headers = cors::allowed_headers(context.header(ACCESS_CONTROL_REQUEST_HEADERS));
        if let Ok(headers) = HeaderValue::try_from(headers) {
            context.set_answer_header(ACCESS_CONTROL_ALLOW_HEADERS, headers);
        }
        context.set_answer_header(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(MAX_AGE));
    }
}

/// The admin listener: accepts every caller, since only other services and operators reach it.
#[derive(Clone, Copy, Debug)]
pub struct Internal;

impl AccessPolicy for Internal {
    const ACCEPTS_FORMS: bool = false;

    fn authorize(&self, _context: &mut RequestContext<'_>, _path: &str) -> Result<(), Denied> {
        Ok(())
    }
}

/// Sets `Access-Control-Allow-Origin`.
pub(super) fn set_allow_origin(context: &mut RequestContext<'_>, origin: &str) {
    if let Ok(value) = HeaderValue::from_str(origin) {
        context.set_answer_header(ACCESS_CONTROL_ALLOW_ORIGIN, value);
    }
}
