//! Protection of the site against other pages: the security headers of each response, and the guard of the controls.

use actix_web::{
    guard::{Guard, fn_guard},
    http::{
        Method,
        header::{HOST, HeaderName, ORIGIN},
    },
    middleware::DefaultHeaders,
};

use super::{Customer, elsewhere, origin};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The security headers. The content security policy lets the pages run only the site's own files, and call only the site
/// and the orchestrator.
pub(super) fn headers(customer: &Customer) -> DefaultHeaders {
    let (own, elsewhere) = (origin(customer.address), elsewhere(customer.address));
    let policy = format!(
        "default-src 'self'; connect-src 'self' {}; frame-src {elsewhere}; frame-ancestors {own}; \
         object-src 'none'; base-uri 'none'; form-action 'none'",
        customer.endpoint
    );
    DefaultHeaders::new()
        .add(("content-security-policy", policy))
        .add(("x-content-type-options", "nosniff"))
        .add(("cache-control", "no-cache"))
}

/// Refuses requests with a foreign `Host`: a page with a host name that resolves to this machine (DNS rebinding) would read
/// the stack's arrows and settings as its own.
pub(super) fn hosts(customer: &Customer) -> impl Guard + use<> {
    let own = [origin(customer.address), elsewhere(customer.address)];
    fn_guard(move |context| {
        let host = context.head().headers().get(HOST).and_then(|host| host.to_str().ok());
        host.is_some_and(|host| own.iter().any(|own| own.strip_prefix("http://") == Some(host)))
    })
}

/// Accepts controls only from the site's own page. A page of another origin sends another `Origin`; a page with a host name
/// that resolves to this machine (DNS rebinding) sends another `Host`. With a `GET` of its own origin a browser sends
/// `Sec-Fetch-Site` instead of `Origin`, which no page can set.
pub(super) fn guard() -> impl Guard {
    fn_guard(|context| {
        let head = context.head();
        let value = |name| head.headers().get(name).and_then(|value| value.to_str().ok());
        let Some(host) = value(HOST).filter(|host| host.starts_with("127.0.0.1:")) else { return false };
        match value(ORIGIN) {
            Some(origin) => origin == format!("http://{host}"),
            None => head.method == Method::GET && value(SEC_FETCH_SITE) == Some("same-origin"),
        }
    })
}
