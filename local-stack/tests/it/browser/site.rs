//! The customer's site: pages of a shop, served under any host name. Chromium resolves every `*.localhost` to the
//! loopback interface and treats it as a secure context (WebCrypto), so each name is a separate origin.

use std::{collections::HashMap, net::TcpListener};

use actix_web::{App, HttpResponse, HttpServer, web};
use local_stack::demo;

/// The modules that the pages embed, as they are in the repository.
const MODULE: &str = include_str!("../../../../browser/webchat-session.js");
const CONVERSATIONS_CLIENT: &str = include_str!("../../../../browser/conversations-client.js");
const EMBEDDING: &str = include_str!("../../../../docs/embedding.md");
const CHAT: &str = include_str!("site/chat.html");
const EVENTS: &str = include_str!("site/events.html");
const WIDGET: &str = include_str!("site/widget.html");

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
                .route("/widget", page(WIDGET))
                .route("/example", web::get().to(example))
                .route("/blank", page("<!doctype html><title>A page</title>"))
                .route("/webchat-session.js", script(MODULE))
                .route("/conversations-client.js", script(CONVERSATIONS_CLIENT))
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

/// The page of docs/embedding.md, for the endpoint of the query. Its deployment is the first one of the demo.
async fn example(query: web::Query<HashMap<String, String>>) -> HttpResponse {
    let (_, page) = EMBEDDING.split_once("```html\n").unwrap();
    let (page, _) = page.split_once("```\n").unwrap();
    assert!(page.contains(demo::DEPLOYMENT_ON));
    let page = page.replace("https://chat.example.com", &query["endpoint"]);
    HttpResponse::Ok().content_type("text/html; charset=utf-8").body(page)
}
