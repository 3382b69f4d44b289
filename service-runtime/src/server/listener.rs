//! What is served on a listener: the limits, the access policy and the routes. A service has one listener of its own, and
//! may have additional ones and operator routes on the admin listener; all of them use the same state.

use std::{
    fmt, io,
    net::{SocketAddr, TcpListener},
    sync::Arc,
    time::Duration,
};

use actix_web::{App, dev::Server, web};

use super::{admin, connection::ServerLimits, drain::ConnectionDrain, http_server, workers::Workers};
use crate::http::{AccessPolicy, RouteTable};

/// What is served on a listener.
pub struct Listener<S, P: AccessPolicy> {
    /// Limits on connections and requests.
    pub limits: ServerLimits,
    /// Creates a worker's access policy.
    pub access_policy: Arc<dyn Fn() -> P + Send + Sync>,
    /// Builds the route table.
    pub routes: fn(RouteTable<S, P>) -> RouteTable<S, P>,
}

impl<S, P: AccessPolicy> Clone for Listener<S, P> {
    fn clone(&self) -> Self {
        Self { limits: self.limits.clone(), access_policy: self.access_policy.clone(), routes: self.routes }
    }
}

/// Routes of a service on its admin listener, beside those that every service has.
pub struct AdminRoutes<S>(Configure<S>);

/// Registers the routes with actix-web.
type Configure<S> = Arc<dyn Fn(&Workers<S>, &mut web::ServiceConfig) + Send + Sync>;

impl<S: 'static> AdminRoutes<S> {
    /// Routes with an access policy of their own.
    pub fn new<P: AccessPolicy>(
        access_policy: Arc<dyn Fn() -> P + Send + Sync>,
        routes: fn(RouteTable<S, P>) -> RouteTable<S, P>,
    ) -> Self {
        let listener = Listener { limits: ServerLimits::internal(), access_policy, routes };
        Self(Arc::new(move |workers, config| {
            workers.table(&listener, ConnectionDrain::default()).configure(config);
        }))
    }

    /// Also serves a JSON document on this path.
    #[must_use]
    pub fn with_document(self, path: &'static str, json: &'static str) -> Self {
        let Self(configure) = self;
        Self(Arc::new(move |workers, config| {
            config.service(admin::document(path, json));
            configure(workers, config);
        }))
    }

    pub(super) fn configure(&self, workers: &Workers<S>, config: &mut web::ServiceConfig) {
        (self.0)(workers, config);
    }
}

impl<S> fmt::Debug for AdminRoutes<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AdminRoutes")
    }
}

/// A further listener of a service: plain HTTP, with workers, limits, access policy and routes of its own.
pub struct AdditionalListener<S> {
    socket: TcpListener,
    serve: Serve<S>,
}

/// Starts the server of a listener with this number of workers.
type Serve<S> =
    Box<dyn FnOnce(TcpListener, usize, Duration, Workers<S>, ConnectionDrain) -> io::Result<Server>>;

impl<S: 'static> AdditionalListener<S> {
    /// Serves `listener` on a bound socket.
    pub fn new<P: AccessPolicy>(socket: TcpListener, listener: Listener<S, P>) -> Self {
        let serve: Serve<S> = Box::new(move |socket, count, keep_alive, workers, connection_drain| {
            let limits = listener.limits.clone();
            let app = move || {
                let table = workers.table(&listener, connection_drain.clone());
                App::new().configure(|config| table.configure(config))
            };
            http_server::serve(socket, count, limits, keep_alive, app)
        });
        Self { socket, serve }
    }

    pub(super) fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Starts serving with `count` workers.
    pub(super) fn start(
        self,
        count: usize,
        keep_alive: Duration,
        workers: &Workers<S>,
        connection_drain: &ConnectionDrain,
    ) -> io::Result<Server> {
        (self.serve)(self.socket, count, keep_alive, workers.clone(), connection_drain.clone())
    }
}

impl<S> fmt::Debug for AdditionalListener<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdditionalListener").field("socket", &self.socket).finish_non_exhaustive()
    }
}
