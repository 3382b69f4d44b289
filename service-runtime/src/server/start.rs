//! Starts a service. All listeners (service, additional, admin) are bound before anything starts, so that tests can use
//! port 0 and a supervisor sees an address conflict at once. Shutdown loses no request: first the service reports not ready,
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
    connection::HEAD_DEADLINE,
    drain::ConnectionDrain,
    http_server,
    listener::{AdditionalListener, AdminRoutes, Listener},
    listeners::Listeners,
    running::Running,
    tls_server,
    workers::Workers,
};
use crate::{
    clock::Clock,
    http::AccessPolicy,
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
    /// Drain time after SIGTERM: not ready, still serving.
    pub drain: Duration,
    /// How long idle connections stay open.
    pub keep_alive: Duration,
    /// Where spans are exported.
    pub spans: SpanConfig,
    /// The readiness check.
    pub check: Check,
    /// Creates a worker's state, including its clients.
    pub state: Arc<dyn Fn() -> S + Send + Sync>,
    /// What is served to callers.
    pub listener: Listener<S, P>,
    /// Further listeners, each with routes of its own.
    pub additional: Vec<AdditionalListener<S>>,
    /// Routes of its own on the admin listener, if there are any.
    pub admin: Option<AdminRoutes<S>>,
}

impl<S: 'static, P: AccessPolicy> Service<S, P> {
    /// Starts serving. Runs on the current tokio runtime; worker threads are its own.
    pub fn start(self, listeners: Listeners) -> io::Result<Running> {
        let address = listeners.service.as_ref().map(TcpListener::local_addr).transpose()?;
        let admin_address = listeners.admin.local_addr()?;
        let additional_addresses =
            self.additional.iter().map(AdditionalListener::address).collect::<io::Result<Vec<_>>>()?;
        let stopping = Arc::new(AtomicBool::new(false));
        let admin =
            Admin { metrics: self.metrics.clone(), check: self.check.clone(), stopping: stopping.clone() };
        let spans = Spans::start(&self.spans, self.name, &self.random, &self.metrics);
        let last_spans = spans.clone();
        let Self {
            name,
            workers: count,
            tls,
            drain,
            keep_alive,
            check,
            listener,
            additional,
            admin: admin_routes,
            ..
        } = self;
        let connection_drain = ConnectionDrain { stopping: stopping.clone(), tls: tls.clone() };

        let workers = Workers {
            name,
            clock: self.clock,
            random: self.random,
            metrics: self.metrics,
            spans,
            state: self.state,
        };
        let (admin_workers, admin_routes) = (workers.clone(), admin_routes.map(Arc::new));
        let additional = additional
            .into_iter()
            .map(|listener| listener.start(count, keep_alive, &workers, &connection_drain))
            .collect::<io::Result<Vec<_>>>()?;
        let limits = listener.limits.clone();
        let table = Arc::new(move || workers.table(&listener, connection_drain.clone()));
        let in_process = InProcess {
            make: {
                let table = table.clone();
                Arc::new(move || Rc::new(table().in_process()))
            },
            check,
            observer: None,
        };
        let app = move || App::new().configure(|config| table().configure(config));
        let server = listeners.service.map(|listener| match &tls {
            None => http_server::serve(listener, count, limits, keep_alive, app),
            Some(files) => tls_server::serve(listener, count, files, name, keep_alive, app),
        });
        let admin_server = HttpServer::new(move || {
            App::new().configure(|config: &mut web::ServiceConfig| {
                admin.configure(config);
                if let Some(routes) = &admin_routes {
                    routes.configure(&admin_workers, config);
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
        let also = (!additional_addresses.is_empty()).then(|| tracing::field::debug(&additional_addresses));
        tracing::info!(
            service = name,
            address = service_address,
            additional_addresses = also,
            %admin_address,
            tls = tls.is_some(),
            "started"
        );
        let servers = server.transpose()?.into_iter().chain(additional).chain([admin_server]);
        let (handles, servers) =
            servers.map(|server| (server.handle(), tokio::spawn(server))).collect::<(Vec<_>, Vec<_>)>();
        Ok(Running {
            admin_address,
            in_process,
            address,
            additional_addresses,
            handles,
            servers,
            stopping,
            drain,
            tasks: tls
                .map(|files| tokio::spawn(async move { files.follow_files().await }))
                .into_iter()
                .collect(),
            before_drain: Vec::new(),
            on_shutdown: vec![Box::pin(last_spans.stop())],
        })
    }
}
