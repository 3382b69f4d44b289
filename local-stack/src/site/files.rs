//! The page's files from `browser/`, embedded, so that the stack is one binary.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{ContentType, LOCATION},
    web,
};

use super::{Customer, origin};

const HTML: &str = "text/html; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

macro_rules! file {
    ($path:literal) => {
        include_str!(concat!("../../../browser/", $path))
    };
}

/// Path, type and content.
const FILES: [(&str, &str, &str); 21] = [
    ("/", HTML, file!("demo/index.html")),
    ("/desk", HTML, file!("demo/desk.html")),
    ("/demo.css", STYLE, file!("demo/demo.css")),
    ("/chat.css", STYLE, file!("demo/chat.css")),
    ("/desk.css", STYLE, file!("demo/desk.css")),
    ("/sequence.css", STYLE, file!("demo/sequence.css")),
    ("/icon.svg", "image/svg+xml", file!("demo/icon.svg")),
    ("/main.js", SCRIPT, file!("demo/main.js")),
    ("/chat.js", SCRIPT, file!("demo/chat.js")),
    ("/outbox.js", SCRIPT, file!("demo/outbox.js")),
    ("/bubbles.js", SCRIPT, file!("demo/bubbles.js")),
    ("/desk.js", SCRIPT, file!("demo/desk.js")),
    ("/desk-page.js", SCRIPT, file!("demo/desk-page.js")),
    ("/failures.js", SCRIPT, file!("demo/failures.js")),
    ("/sequence.js", SCRIPT, file!("demo/sequence.js")),
    ("/tab-storage.js", SCRIPT, file!("demo/tab-storage.js")),
    ("/tabs.js", SCRIPT, file!("demo/tabs.js")),
    ("/steps.js", SCRIPT, file!("demo/steps.js")),
    ("/drawing.js", SCRIPT, file!("demo/drawing.js")),
    ("/elsewhere.html", HTML, file!("demo/elsewhere.html")),
    ("/elsewhere.js", SCRIPT, file!("demo/elsewhere.js")),
];

/// The module that a site embeds.
const MODULE: &str = file!("webchat-session.js");

pub(super) async fn file(request: HttpRequest, customer: web::Data<Customer>) -> HttpResponse {
    let path = request.path();
    // The other origin exists to show the responses to an origin that is not allowed; `/` there redirects to the page's own.
    if path == "/" && origin(customer.address) != format!("http://{}", request.connection_info().host()) {
        let home = format!("{}/", origin(customer.address));
        return HttpResponse::Found().insert_header((LOCATION, home)).finish();
    }
    if path == "/webchat-session.js" {
        return HttpResponse::Ok().content_type(SCRIPT).body(MODULE);
    }
    match FILES.iter().find(|(name, ..)| *name == path) {
        Some((_, kind, content)) => HttpResponse::Ok().content_type(*kind).body(*content),
        None => {
            HttpResponse::NotFound().content_type(ContentType::plaintext()).body("There is nothing here.\n")
        }
    }
}
