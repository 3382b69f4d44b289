//! Clients for HTTP outside the calls between services: the span exporter, and guests in tests. TLS uses ring; proxies
//! of the environment and redirects are off.

use reqwest::{Client, ClientBuilder, redirect};

/// An async client builder.
pub fn http_client() -> ClientBuilder {
    // A second installation fails, which is fine: the first one is the same provider.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().no_proxy().redirect(redirect::Policy::none())
}

/// A blocking client builder, for the span exporter's own thread.
pub fn http_client_blocking() -> reqwest::blocking::ClientBuilder {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::blocking::Client::builder().no_proxy().redirect(redirect::Policy::none())
}
