//! What keeps the site to its own page: the headers that each answer carries, and who may press its buttons.

use actix_web::{
    guard::{Guard, fn_guard},
    http::header::{HOST, ORIGIN},
    middleware::DefaultHeaders,
};

use super::{Customer, elsewhere, origin};

/// Nothing but the site's own files runs in its pages, and they call nobody but the site and the orchestrator.
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

/// A button is pressed by the page itself. A page of another origin has another `Origin`, and one that had this
/// machine's address put under its own name (DNS rebinding) has another `Host`.
pub(super) fn guard() -> impl Guard {
    fn_guard(|context| {
        let head = context.head();
        let value = |name| head.headers().get(name).and_then(|value| value.to_str().ok());
        let (Some(host), Some(origin)) = (value(HOST), value(ORIGIN)) else { return false };
        host.starts_with("127.0.0.1:") && origin == format!("http://{host}")
    })
}
