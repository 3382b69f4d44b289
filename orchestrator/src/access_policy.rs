//! What every answer to a browser carries, refusals and preflights included. `cors` says which origin an answer
//! allows once the account is known; until then it is `*`.

use std::{net::IpAddr, sync::Arc};

use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, HeaderName, HeaderValue, ORIGIN, VARY,
};
use service_runtime::{AccessPolicy, RequestContext};
use shared_types::Code;

use crate::{
    client_address::TrustedProxies,
    configuration::Snapshot,
    cors::{self, ALLOWED_HEADERS, ALLOWED_METHODS, ANY_ORIGIN, EXPOSED_HEADERS, MAX_AGE},
    dpop::Nonces,
    error::Error,
    networks,
};

const DPOP_NONCE: HeaderName = HeaderName::from_static("dpop-nonce");

/// The public side: everybody may call.
#[derive(Clone, Debug)]
pub struct Public {
    /// A call with a proof is answered with a nonce for the next one (RFC 9449, section 8.2).
    pub nonces: Arc<Nonces>,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: TrustedProxies,
}

impl AccessPolicy for Public {
    const ACCEPTS_FORMS: bool = true;
    const ANSWERS_PREFLIGHTS: bool = true;

    fn authorize(&self, call: &mut RequestContext<'_>, _path: &str) -> Result<(), Code> {
        call.set_answer_header(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static(ANY_ORIGIN));
        call.set_answer_header(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED_HEADERS));
        call.set_answer_header(VARY, HeaderValue::from_static("Origin"));
        if call.header("dpop").is_some() {
            call.set_answer_header(DPOP_NONCE, self.nonces.current(call.now));
        }
        Ok(())
    }

    fn client(&self, call: &RequestContext<'_>) -> Option<IpAddr> {
        networks::visitor(self.trusted_proxies.client_address(call))
    }

    fn preflight(&self, call: &mut RequestContext<'_>) {
        let origin = cors::preflight(call.header(ORIGIN));
        set_allow_origin(call, origin);
        call.set_answer_header(VARY, HeaderValue::from_static("Origin"));
        call.set_answer_header(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(ALLOWED_METHODS));
        call.set_answer_header(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(ALLOWED_HEADERS));
        call.set_answer_header(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(MAX_AGE));
    }
}

/// `FWO ->> FWO: Sets ACAO response header`, and refuses the page where the rule says so.
pub fn set_acao(call: &mut RequestContext<'_>, snapshot: &Snapshot) -> Result<(), Error> {
    let feature_is_on = snapshot.account.webchat_security_is_on();
    let decision = cors::decide(snapshot.allowed_origins(), call.header(ORIGIN), feature_is_on);
    set_allow_origin(call, decision.allow_origin);
    if decision.refused { Err(Error::OriginNotAllowed) } else { Ok(()) }
}

fn set_allow_origin(call: &mut RequestContext<'_>, origin: &str) {
    if let Ok(value) = HeaderValue::from_str(origin) {
        call.set_answer_header(ACCESS_CONTROL_ALLOW_ORIGIN, value);
    }
}
