//! Starts a service. Both listeners, service and admin, are bound before anything starts, so that tests can use port 0
//! and a supervisor sees an address conflict at once. Shutdown loses no request: first the service reports not ready,
//! keeps serving and closes each connection after its next response; after the drain time, when the load balancer has
//! noticed, it stops accepting and ends with the last response.

use std::{
    io,
    net::TcpListener,
    rc::Rc,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use actix_web::{App, HttpServer, web};

use super::{
    admin::{Admin, Check},
    connection::{HEAD_DEADLINE, ServerLimits},
    drain::ConnectionDrain,
    http_server,
    listeners::Listeners,
    running::Running,
    tls_server,
    workers::Workers,
};
use crate::{
    clock::Clock,
    http::{AccessPolicy, RouteTable, ServiceCredentials},
    in_process::InProcess,
    random::Random,
    telemetry::{
        metrics::Metrics,
        spans::{SpanConfig, Spans},
    },
    tls::CalleeTls,
};

/// Everything needed to start a service.
pub struct Service<S, P: AccessPolicy> {
    /// The participant's name.
    pub name: &'static str,
    /// Number of worker threads.
    pub workers: usize,
    /// The clock.
    pub clock: Clock,
    /// Random bytes.
    pub random: Random,
    /// The service's metrics.
    pub metrics: Arc<Metrics>,
    /// Certificate and client authorities, if the service uses mutual TLS.
    pub tls: Option<CalleeTls>,
    /// Limits on connections and requests.
    pub limits: ServerLimits,
    /// Drain time after SIGTERM: not ready, still serving.
    pub drain: Duration,
    /// Where spans are exported.
    pub spans: SpanConfig,
    /// The readiness check.
    pub check: Check,
    /// Creates a worker's state, including its clients.
    pub state: Arc<dyn Fn() -> S + Send + Sync>,
    /// Creates a worker's access policy.
    pub access_policy: Arc<dyn Fn() -> P + Send + Sync>,
    /// Builds the route table.
    pub routes: fn(RouteTable<S, P>) -> RouteTable<S, P>,
    /// Operator routes on the admin listener, if there are any.
    pub operations: Option<OperatorRoutes<S>>,
}

/// Operator routes, behind credentials of their own.
pub struct OperatorRoutes<S> {
    /// The operators' credentials.
    pub credentials: ServiceCredentials,
    /// Builds the route table.
    pub routes: fn(RouteTable<S, ServiceCredentials>) -> RouteTable<S, ServiceCredentials>,
}

impl<S: 'static, P: AccessPolicy> Service<S, P> {
    /// Starts serving. Runs on the current tokio runtime; worker threads are its own.
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
                Arc::new(move || Rc::new(table().in_process()))
            },
            check,
            observer: None,
        };
        let app = move || App::new().configure(|config| table().configure(config));
        let (workers, limits) = (self.workers, self.limits);
        let server = listeners.service.map(|listener| match &tls {
            None => http_server::serve(listener, workers, limits, app),
            Some(files) => tls_server::serve(listener, workers, files, name, app),
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
        let service_address = address.map(tracing::field::display);
        tracing::info!(service = name, address = service_address, %admin_address, tls = tls.is_some(), "started");
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
