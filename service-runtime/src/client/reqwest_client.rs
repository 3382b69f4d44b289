//! HTTP clients for what is no arrow between services: the exporter of spans, and the guests of tests. TLS is by ring, and
//! they take neither a proxy of the environment nor a redirect.

use reqwest::{Client, ClientBuilder, redirect};

/// The beginning of a client.
pub fn http_client() -> ClientBuilder {
    // A second installation is refused, which is fine: the first one is ours too.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().no_proxy().redirect(redirect::Policy::none())
}

/// The same for the one client that waits on a thread of its own: the exporter of spans.
pub fn http_client_blocking() -> reqwest::blocking::ClientBuilder {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::blocking::Client::builder().no_proxy().redirect(redirect::Policy::none())
}
