//! The customer's site: pages of a shop, served under any host name. Chromium resolves every `*.localhost` to the
//! loopback interface and treats it as a secure context (WebCrypto), so each name is a separate origin.

use std::net::TcpListener;

use actix_web::{App, HttpResponse, HttpServer, web};

/// The module that the pages embed, as it is in the repository.
const MODULE: &str = include_str!("../../../../browser/webchat-session.js");
const CHAT: &str = include_str!("site/chat.html");
const EVENTS: &str = include_str!("site/events.html");

/// A site that runs until it is dropped.
pub(crate) struct Site {
    port: u16,
}

impl Site {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = HttpServer::new(|| {
            App::new()
                .route("/", page(CHAT))
                .route("/events", page(EVENTS))
                .route("/blank", page("<!doctype html><title>A page</title>"))
                .route("/webchat-session.js", script(MODULE))
        });
        tokio::spawn(server.workers(1).disable_signals().listen(listener).unwrap().run());
        Self { port }
    }

    /// The origin of this host's pages: `shop`, `a.shop`, `evil`.
    pub(crate) fn origin(&self, host: &str) -> String {
        format!("http://{host}.localhost:{}", self.port)
    }
}

fn page(html: &'static str) -> actix_web::Route {
    web::get()
        .to(move || async move { HttpResponse::Ok().content_type("text/html; charset=utf-8").body(html) })
}

fn script(text: &'static str) -> actix_web::Route {
    web::get().to(move || async move { HttpResponse::Ok().content_type("text/javascript").body(text) })
}
