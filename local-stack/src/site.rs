//! The customer's site: the page with the chat, on an origin of its own, so that its calls to FWO cross origins as they
//! do in the world. Beside the files it streams the stack's arrows as they flow, and lets the page play what goes wrong.
//! A site of one's own machine alone: it listens on the loopback and answers to its own names.

mod controls;
mod events;
mod files;
mod own_page;
mod thief;

use std::{io, net::SocketAddr, net::TcpListener, sync::Arc};

use actix_web::{App, HttpResponse, HttpServer, dev::ServerHandle, web};
use chrono::TimeDelta;
use serde_json::json;
use service_runtime::Clock;
use tokio::{sync::watch, task::JoinHandle};

use crate::{ScopedAuthSwitch, TraceEvents, demo};

/// What the site is started with.
pub struct SiteConfig {
    /// Where it listens.
    pub listener: TcpListener,
    /// Where its page finds the orchestrator.
    pub endpoint: String,
    /// Whether Starship stands there.
    pub through_starship: bool,
    /// The stack's arrows.
    pub arrows: TraceEvents,
    /// The stack's time.
    pub clock: Clock,
    /// The stack's ScopedAuthService.
    pub scoped_auth: ScopedAuthSwitch,
}

/// A site that runs.
pub struct Site {
    /// Where it listens.
    pub address: SocketAddr,
    handle: ServerHandle,
    server: JoinHandle<io::Result<()>>,
}

/// What the routes work with.
struct Customer {
    address: SocketAddr,
    endpoint: String,
    through_starship: bool,
    arrows: TraceEvents,
    clock: Clock,
    scoped_auth: ScopedAuthSwitch,
    /// For every open page.
    state: watch::Sender<State>,
}

/// What the buttons move.
#[derive(Clone, Copy)]
struct State {
    /// How far the stack's clock is ahead of the wall.
    ahead: TimeDelta,
    scoped_auth_is_on: bool,
}

/// The origin of the page on a site that listens on `address`.
pub fn origin(address: SocketAddr) -> String {
    format!("http://{address}")
}

/// The same machine by another name, which is another origin to a browser.
fn elsewhere(address: SocketAddr) -> String {
    format!("http://localhost:{}", address.port())
}

impl Site {
    /// Begins to serve, with threads of its own.
    pub fn start(config: SiteConfig) -> io::Result<Self> {
        let SiteConfig { listener, endpoint, through_starship, arrows, clock, scoped_auth } = config;
        let address = listener.local_addr()?;
        let state = watch::Sender::new(State { ahead: TimeDelta::zero(), scoped_auth_is_on: true });
        let customer = Customer { address, endpoint, through_starship, arrows, clock, scoped_auth, state };
        let customer = web::Data::from(Arc::new(customer));
        let server = HttpServer::new(move || {
            App::new()
                .app_data(customer.clone())
                .wrap(own_page::headers(&customer))
                .route("/settings.json", web::get().to(settings))
                .route("/events", web::get().to(events::stream))
                .service(
                    web::scope("/control")
                        .guard(own_page::guard())
                        .route("/clock", web::post().to(controls::clock))
                        .route("/scoped-auth", web::post().to(controls::scoped_auth))
                        .route("/thief", web::post().to(thief::presents)),
                )
                // The same buttons, pressed from elsewhere.
                .route("/control/{button}", web::to(HttpResponse::Forbidden))
                .default_service(web::get().to(files::file))
        });
        let server = server.workers(1).disable_signals().listen(listener)?.run();
        Ok(Self { address, handle: server.handle(), server: tokio::spawn(server) })
    }

    /// Ends at once: a page that listens to the arrows would never let go.
    pub async fn stop(self) {
        self.handle.stop(false).await;
        // The task ends with its server; it has nothing more to say.
        let _ = self.server.await;
    }
}

/// What the page is told: what a site writes into its own page, and where the other origin is.
async fn settings(customer: web::Data<Customer>) -> HttpResponse {
    HttpResponse::Ok().json(json!({
        "endpoint": customer.endpoint,
        "deploymentKey": demo::DEPLOYMENT_PAGE,
        "throughStarship": customer.through_starship,
        "elsewhere": elsewhere(customer.address),
        "scopedAuthStops": customer.scoped_auth.can_return(),
    }))
}
