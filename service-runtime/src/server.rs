//! Start and stop. A service is one public and one admin listener, both bound before anything starts, so that a test
//! can take port 0 and a supervisor sees a taken port at once. The stop loses no request: first the service is not ready
//! any more, while it serves on and lets each connection go with its next answer; once whoever distributes requests has had
//! the time to notice, it takes no more connections, and ends with its last answer.

pub(crate) mod connection;
mod http;
mod listeners;
mod running;

use std::{
    fmt, io,
    net::TcpListener,
    rc::Rc,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use actix_http::{Request, Response};
use actix_service::IntoServiceFactory;
use actix_web::{
    App, HttpServer,
    body::MessageBody,
    dev::{AppConfig, Server, ServiceFactory},
    web,
};
use connection::HEAD_DEADLINE;

pub use connection::{ServerLimits, WRITE_DEADLINE, subscriber_network};
pub use listeners::{ANY_PORT, Listeners};
pub use running::Running;

use crate::{
    admin::{Admin, Check},
    clock::Clock,
    exchange::InFlight,
    in_process::InProcess,
    metrics::Metrics,
    random::Random,
    route_table::{AccessPolicy, ConnectionDrain, RouteTable, TlsGeneration, Worker},
    service_credential::ServiceCredentials,
    spans::{SpanConfig, Spans},
    tls::{self, CalleeTls},
};

/// Outlasts the 30 s for which a caller keeps an idle connection, or reused connections would die at random.
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// How long a connection that ends may take to.
const DISCONNECT_DEADLINE: Duration = Duration::from_secs(1);
/// How long a TLS handshake may take: the head's deadline begins after it.
const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(3);
/// How long requests in flight are given at the stop; longer than any deadline of ours.
const IN_FLIGHT_SECONDS: u64 = 10;

/// What a service brings to its start.
pub struct Service<S, B: AccessPolicy> {
    /// The participant's name.
    pub name: &'static str,
    /// How many threads serve requests.
    pub workers: usize,
    /// The time.
    pub clock: Clock,
    /// Randomness.
    pub random: Random,
    /// The service's counters.
    pub metrics: Arc<Metrics>,
    /// Its certificate and its callers' authorities, if it is called by https.
    pub tls: Option<CalleeTls>,
    /// How much it takes on at a time.
    pub limits: ServerLimits,
    /// How long it serves on at the stop, not ready, until nobody sends it requests any more.
    pub drain: Duration,
    /// Where its spans go.
    pub spans: SpanConfig,
    /// Whether it can do its work.
    pub check: Check,
    /// Makes the state of one worker, its own connections to peers included.
    pub state: Arc<dyn Fn() -> S + Send + Sync>,
    /// Makes the boundary of one worker.
    pub access_policy: Arc<dyn Fn() -> B + Send + Sync>,
    /// The table of routes.
    pub routes: fn(RouteTable<S, B>) -> RouteTable<S, B>,
    /// What operators may do on the admin listener, besides looking.
    pub operations: Option<OperatorRoutes<S>>,
}

/// The routes of operators, behind a credential of their own.
pub struct OperatorRoutes<S> {
    /// What operators prove themselves with.
    pub credentials: ServiceCredentials,
    /// The table of routes.
    pub routes: fn(RouteTable<S, ServiceCredentials>) -> RouteTable<S, ServiceCredentials>,
}

impl<S: 'static, B: AccessPolicy> Service<S, B> {
    /// Begins to serve. Runs on the current tokio runtime, with threads of its own for the requests.
    pub fn start(self, listeners: Listeners) -> io::Result<Running> {
        let address = listeners.service.as_ref().map(TcpListener::local_addr).transpose()?;
        let admin_address = listeners.admin.local_addr()?;
        let stopping = Arc::new(AtomicBool::new(false));
        let admin =
            Admin { metrics: self.metrics.clone(), check: self.check.clone(), stopping: stopping.clone() };
        let spans = Spans::start(&self.spans, self.name, &self.random, &self.metrics);
        let last_spans = spans.clone();
        let Self { name, tls, drain, check, routes, .. } = self;
        let connection_drain = ConnectionDrain { stopping: stopping.clone(), tls: tls.clone() };

        let worker = Workers {
            name,
            clock: self.clock,
            random: self.random,
            metrics: self.metrics,
            spans,
            state: self.state,
            in_flight: self.limits.requests_per_worker,
        };
        let operator = self.operations.map(|OperatorRoutes { credentials, routes }| {
            let workers = worker.clone();
            move |config: &mut web::ServiceConfig| {
                let worker = workers.worker(credentials.clone(), ConnectionDrain::default());
                routes(RouteTable::new(Rc::new(worker))).configure(config);
            }
        });
        let access_policy = self.access_policy;
        let table = Arc::new(move || {
            routes(RouteTable::new(Rc::new(worker.worker(access_policy(), connection_drain.clone()))))
        });
        let in_process = InProcess {
            make: {
                let table = table.clone();
                Arc::new(move || Rc::new(table().here()))
            },
            check,
            listener: None,
        };
        let app = move || App::new().configure(|config| table().configure(config));
        let (workers, limits) = (self.workers, self.limits);
        let server = listeners.service.map(|listener| match &tls {
            None => http::serve(listener, workers, limits, app),
            Some(files) => serve_tls(listener, workers, files, name, app),
        });
        let admin_server = HttpServer::new(move || {
            App::new().configure(|config: &mut web::ServiceConfig| {
                admin.configure(config);
                if let Some(operator) = &operator {
                    operator(config);
                }
            })
        })
        .workers(1)
        .client_request_timeout(HEAD_DEADLINE)
        .shutdown_timeout(1)
        .disable_signals()
        .listen(listeners.admin)?
        .run();
        let address_told = address.map(tracing::field::display);
        tracing::info!(service = name, address = address_told, %admin_address, tls = tls.is_some(), "started");
        let servers = server.transpose()?.into_iter().chain([admin_server]);
        let (handles, servers) =
            servers.map(|server| (server.handle(), tokio::spawn(server))).collect::<(Vec<_>, Vec<_>)>();
        Ok(Running {
            admin_address,
            in_process,
            address,
            handles,
            servers,
            stopping,
            drain,
            tasks: tls.map(|files| tokio::spawn(async move { files.follow().await })).into_iter().collect(),
            on_shutdown: vec![Box::pin(last_spans.stop())],
        })
    }
}

/// Serves over mutual TLS, where callers are services only. The bounds of [`connection`] are for strangers; they do not
/// hold here.
fn serve_tls<F, I, S, B>(
    listener: TcpListener,
    workers: usize,
    files: &CalleeTls,
    name: &'static str,
    app: F,
) -> io::Result<Server>
where
    F: Fn() -> I + Send + Clone + 'static,
    I: IntoServiceFactory<S, Request>,
    S: ServiceFactory<Request, Config = AppConfig, Error = actix_web::Error> + 'static,
    S::InitError: fmt::Debug,
    S::Response: Into<Response<B>> + 'static,
    S::Service: 'static,
    <S::Service as actix_web::dev::Service<Request>>::Future: 'static,
    B: MessageBody + 'static,
{
    let config = tls::server_config(files, name).map_err(io::Error::other)?;
    let files = files.clone();
    let server = HttpServer::new(app)
        .workers(workers)
        .keep_alive(KEEP_ALIVE)
        .client_request_timeout(HEAD_DEADLINE)
        .client_disconnect_timeout(DISCONNECT_DEADLINE)
        .shutdown_timeout(IN_FLIGHT_SECONDS)
        .disable_signals()
        .on_connect(move |_, connection| {
            connection.insert(TlsGeneration(files.generation()));
        })
        .tls_handshake_timeout(HANDSHAKE_DEADLINE);
    Ok(server.listen_rustls_0_23(listener, config)?.run())
}

/// What the workers of a service are made of.
struct Workers<S> {
    name: &'static str,
    clock: Clock,
    random: Random,
    metrics: Arc<Metrics>,
    spans: Spans,
    state: Arc<dyn Fn() -> S + Send + Sync>,
    in_flight: usize,
}

impl<S> Workers<S> {
    fn worker<B>(&self, access_policy: B, connection_drain: ConnectionDrain) -> Worker<S, B> {
        Worker {
            state: (self.state)(),
            access_policy,
            clock: self.clock.clone(),
            random: self.random.clone(),
            metrics: self.metrics.clone(),
            spans: self.spans.clone(),
            connection_drain,
            in_flight: InFlight::new(self.in_flight),
            service: self.name,
        }
    }
}

impl<S> Clone for Workers<S> {
    fn clone(&self) -> Self {
        Self {
            name: self.name,
            clock: self.clock.clone(),
            random: self.random.clone(),
            metrics: self.metrics.clone(),
            spans: self.spans.clone(),
            state: self.state.clone(),
            in_flight: self.in_flight,
        }
    }
}
