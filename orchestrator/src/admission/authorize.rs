//! Access for proxies that ask whether a guest's request may pass (contract, section 13). A proxy proves itself with a
//! secret. The rest is as on the public side, because most proxies pass a refusal on to the guest's page.

use std::net::IpAddr;

use actix_web::http::header::{HeaderName, HeaderValue};
use serde::Serialize;
use service_runtime::{AccessPolicy, Denied, RequestContext, ServiceCredentials};
use shared_types::{
    Code, ErrorBody, No, json,
    orchestrator::authorize::{CODE, PROXY_SECRET},
};

use super::access_policy::Public;
use crate::authorize::Options;

/// Accepts proxies with one of the secrets.
#[derive(Clone, Debug)]
pub struct AuthorizePolicy {
    /// The secrets.
    pub secrets: ServiceCredentials,
    /// Headers of responses, and the client's address.
    pub public: Public,
}

/// The body of a response to a caller without a secret. It may be a guest who reached the listener: no code helps it.
#[derive(Serialize)]
struct WithoutCode<'a> {
    valid: No,
    message: &'a str,
}

impl AccessPolicy for AuthorizePolicy {
    const ACCEPTS_FORMS: bool = false;

    fn authorize(&self, context: &mut RequestContext<'_>, path: &str) -> Result<(), Denied> {
        context.step("Checks the proxy's secret");
        let is_authenticated = {
            let mut presented = context.header_values(PROXY_SECRET);
            // Two values may be the guest's and the proxy's.
            let only = presented.next().filter(|_| presented.next().is_none());
            only.is_some_and(|secret| self.secrets.accepts(secret))
        };
        if is_authenticated {
            self.public.authorize(context, path)
        } else {
            Err(Denied { code: Code::Forbidden, message: "This is for proxies with a secret.".into() })
        }
    }

    fn client(&self, context: &RequestContext<'_>) -> Option<IpAddr> {
        self.public.client(context)
    }

    fn error_body(code: Code, message: &str) -> Vec<u8> {
        let body = if code == Code::Forbidden {
            json::to_vec(&WithoutCode { valid: No::default(), message })
        } else {
            json::to_vec(&ErrorBody::new(code, message))
        };
        body.unwrap_or_default()
    }

    fn error_status(&self, context: &mut RequestContext<'_>, code: Code) -> u16 {
        if code == Code::Forbidden {
            return code.status();
        }
        context.set_answer_header(
            const { HeaderName::from_static(CODE) },
            HeaderValue::from_static(code.as_str()),
        );
        match code.status() {
            status @ (401 | 403) => status,
            // Never 401: a transient fault must not end the guest's session.
            _ if Options::read(context).is_ok_and(|options| options.only_401_and_403) => 403,
            status => status,
        }
    }
}
