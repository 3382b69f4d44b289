//! What every answer to a browser carries, refusals and preflights included. `cors` says which origin an answer
//! allows once the account is known; until then it is `*`.

use std::net::IpAddr;

use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, HeaderValue, ORIGIN, VARY,
};
use service_runtime::{Boundary, Call};
use shared_types::Code;

use crate::{
    client_address::TrustedProxies,
    configuration::Snapshot,
    cors::{self, ALLOWED_HEADERS, ALLOWED_METHODS, ANY_ORIGIN, EXPOSED_HEADERS, MAX_AGE},
    error::Error,
    rate_limit,
};

/// The public side: everybody may call.
#[derive(Clone, Debug)]
pub struct Public {
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: TrustedProxies,
}

impl Boundary for Public {
    const ACCEPTS_FORMS: bool = true;
    const ANSWERS_PREFLIGHTS: bool = true;

    fn enter(&self, call: &mut Call<'_>, _path: &str) -> Result<(), Code> {
        call.set_answer_header(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static(ANY_ORIGIN));
        call.set_answer_header(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED_HEADERS));
        call.set_answer_header(VARY, HeaderValue::from_static("Origin"));
        Ok(())
    }

    fn client(&self, call: &Call<'_>) -> Option<IpAddr> {
        rate_limit::network(self.trusted_proxies.client_address(call))
    }

    fn preflight(&self, call: &mut Call<'_>) {
        let origin = cors::preflight(call.header(ORIGIN));
        set_allow_origin(call, origin);
        call.set_answer_header(VARY, HeaderValue::from_static("Origin"));
        call.set_answer_header(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(ALLOWED_METHODS));
        call.set_answer_header(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(ALLOWED_HEADERS));
        call.set_answer_header(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(MAX_AGE));
    }
}

/// `FWO ->> FWO: Sets ACAO response header`, and refuses the page where the rule says so.
pub fn set_acao(call: &mut Call<'_>, snapshot: &Snapshot) -> Result<(), Error> {
    let feature_is_on = snapshot.account.webchat_security_is_on();
    let decision = cors::decide(snapshot.allowed_origins(), call.header(ORIGIN), feature_is_on);
    set_allow_origin(call, decision.allow_origin);
    if decision.refused { Err(Error::OriginNotAllowed) } else { Ok(()) }
}

fn set_allow_origin(call: &mut Call<'_>, origin: &str) {
    if let Ok(value) = HeaderValue::from_str(origin) {
        call.set_answer_header(ACCESS_CONTROL_ALLOW_ORIGIN, value);
    }
}
