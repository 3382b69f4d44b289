//! The customer's site: the page with the chat, on an origin of its own, so that its calls to FWO are cross-origin as in
//! production. It also streams the stack's arrows, passes the desk's requests on to the desk's API, and offers controls that
//! simulate failures. For the local machine only: it listens on the loopback interface and accepts its own host names only.

mod controls;
mod desk;
mod events;
mod files;
mod own_page;
mod thief;

use std::{io, net::SocketAddr, net::TcpListener, sync::Arc};

use actix_web::{App, HttpResponse, HttpServer, dev::ServerHandle, http::StatusCode, web};
use serde_json::json;
use tokio::{sync::watch, task::JoinHandle};

use crate::{ClockOffset, Desk, ScopedAuthSwitch, TraceEvents, demo};

/// The routes to one conversation in the desk's API.
const CONVERSATION: &str = "/desk/v1/Conversations/{sid:CH[0-9a-f]{32}}";
const MESSAGES: &str = "/desk/v1/Conversations/{sid:CH[0-9a-f]{32}}/Messages";

/// Configuration of the site.
pub struct SiteConfig {
    /// The listening socket.
    pub listener: TcpListener,
    /// The orchestrator's base URL for the page.
    pub endpoint: String,
    /// Whether that is Starship.
    pub through_starship: bool,
    /// The stack's arrows.
    pub arrows: TraceEvents,
    /// The stack's clock.
    pub clock_offset: ClockOffset,
    /// The desk's API, with the API key.
    pub desk: Desk,
    /// The stack's ScopedAuthService.
    pub scoped_auth: ScopedAuthSwitch,
}

/// A running site.
pub struct Site {
    /// The listening address.
    pub address: SocketAddr,
    handle: ServerHandle,
    server: JoinHandle<io::Result<()>>,
}

/// State of the routes.
struct Customer {
    address: SocketAddr,
    endpoint: String,
    through_starship: bool,
    arrows: TraceEvents,
    clock_offset: ClockOffset,
    desk: Desk,
    scoped_auth: ScopedAuthSwitch,
    /// Sent to every open page.
    state: watch::Sender<State>,
}

/// The state that the controls change.
#[derive(Clone, Copy)]
struct State {
    /// How far the stack's clock is ahead of the system clock.
    ahead_seconds: u32,
    scoped_auth_is_on: bool,
}

/// The origin of the page on a site that listens on `address`.
pub fn origin(address: SocketAddr) -> String {
    format!("http://{address}")
}

/// The same address by another host name, which is another origin to a browser.
fn elsewhere(address: SocketAddr) -> String {
    format!("http://localhost:{}", address.port())
}

impl Site {
    /// Starts the site, with its own threads.
    pub fn start(config: SiteConfig) -> io::Result<Self> {
        let SiteConfig { listener, endpoint, through_starship, arrows, clock_offset, desk, scoped_auth } =
            config;
        let address = listener.local_addr()?;
        let state =
            watch::Sender::new(State { ahead_seconds: clock_offset.seconds(), scoped_auth_is_on: true });
        let customer =
            Customer { address, endpoint, through_starship, arrows, clock_offset, desk, scoped_auth, state };
        let customer = web::Data::from(Arc::new(customer));
        let server = HttpServer::new(move || {
            App::new()
                .app_data(customer.clone())
                .wrap(own_page::headers(&customer))
                .service(
                    web::scope("")
                        .guard(own_page::hosts(&customer))
                        .route("/settings.json", web::get().to(settings))
                        .route("/events", web::get().to(events::stream))
                        .service(
                            web::scope("/control")
                                .guard(own_page::guard())
                                .route("/clock", web::post().to(controls::clock))
                                .route("/scoped-auth", web::post().to(controls::scoped_auth))
                                .route("/thief", web::post().to(thief::presents))
                                .route("/desk/v1/Conversations", web::get().to(desk::forward))
                                .route(CONVERSATION, web::post().to(desk::forward))
                                .route(MESSAGES, web::get().to(desk::forward))
                                .route(MESSAGES, web::post().to(desk::forward))
                                .default_service(web::to(HttpResponse::NotFound)),
                        )
                        // The same controls from another origin.
                        .route("/control/{any:.*}", web::to(HttpResponse::Forbidden))
                        .default_service(web::get().to(files::file)),
                )
                // Any path by another host name.
                .default_service(web::to(async || HttpResponse::new(StatusCode::MISDIRECTED_REQUEST)))
        });
        let server = server.workers(1).disable_signals().listen(listener)?.run();
        Ok(Self { address, handle: server.handle(), server: tokio::spawn(server) })
    }

    /// Stops without a drain: the event stream of an open page never ends.
    pub async fn stop(self) {
        self.handle.stop(false).await;
        // The task's result repeats the server's.
        let _ = self.server.await;
    }
}

/// The page's settings: those that a site writes into its own page, and the other origin.
async fn settings(customer: web::Data<Customer>) -> HttpResponse {
    HttpResponse::Ok().json(json!({
        "endpoint": customer.endpoint,
        "deploymentKey": demo::DEPLOYMENT_PAGE,
        "throughStarship": customer.through_starship,
        "elsewhere": elsewhere(customer.address),
        "scopedAuthStops": customer.scoped_auth.can_return(),
    }))
}
