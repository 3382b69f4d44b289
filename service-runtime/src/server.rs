//! Start and stop. A service is one public and one admin listener, both bound before anything starts, so that a test
//! can take port 0 and a supervisor sees a taken port at once.

use std::{
    future::Future,
    io,
    net::{SocketAddr, TcpListener},
    pin::Pin,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use actix_web::{App, HttpServer, dev::ServerHandle, web};
use tokio::task::JoinHandle;

use crate::{
    admin::{Admin, Check},
    clock::Clock,
    metrics::Metrics,
    random::Random,
    route_table::{Boundary, RouteTable, Worker},
    service_credential::ServiceCredentials,
    spans::{SpanConfig, Spans},
};

/// Outlasts the 30 s for which a caller keeps an idle connection, or reused connections would die at random.
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// How long a request's head may take to arrive.
const HEAD_DEADLINE: Duration = Duration::from_secs(5);
/// How long requests in flight are given at the stop; longer than any deadline of ours.
const DRAIN_SECONDS: u64 = 10;

/// The two listeners of a service.
#[derive(Debug)]
pub struct Listeners {
    /// Where its callers call.
    pub service: TcpListener,
    /// Where its operators look.
    pub admin: TcpListener,
}

impl Listeners {
    /// Binds both.
    pub fn bind(service: SocketAddr, admin: SocketAddr) -> io::Result<Self> {
        let bind = |address: SocketAddr| {
            TcpListener::bind(address)
                .map_err(|error| io::Error::new(error.kind(), format!("{address}: {error}")))
        };
        Ok(Self { service: bind(service)?, admin: bind(admin)? })
    }

    /// Two free ports of the loopback interface.
    pub fn loopback() -> io::Result<Self> {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        Self::bind(any, any)
    }
}

/// What a service brings to its start.
pub struct Service<S, B: Boundary> {
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
    /// Where its spans go.
    pub spans: SpanConfig,
    /// Whether it can do its work.
    pub check: Check,
    /// Makes the state of one worker, its own connections to peers included.
    pub state: Arc<dyn Fn() -> S + Send + Sync>,
    /// Makes the boundary of one worker.
    pub boundary: Arc<dyn Fn() -> B + Send + Sync>,
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

/// A service that runs.
pub struct Running {
    /// Where it is called.
    pub address: SocketAddr,
    /// Where its operators look.
    pub admin_address: SocketAddr,
    handles: [ServerHandle; 2],
    servers: [JoinHandle<io::Result<()>>; 2],
    stopping: Arc<AtomicBool>,
    tasks: Vec<JoinHandle<()>>,
    at_the_end: Vec<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl<S: 'static, B: Boundary> Service<S, B> {
    /// Begins to serve. Runs on the current tokio runtime, with threads of its own for the requests.
    pub fn start(self, listeners: Listeners) -> io::Result<Running> {
        let address = listeners.service.local_addr()?;
        let admin_address = listeners.admin.local_addr()?;
        let stopping = Arc::new(AtomicBool::new(false));
        let admin =
            Admin { metrics: self.metrics.clone(), check: self.check.clone(), stopping: stopping.clone() };

        let spans = Spans::start(&self.spans, self.name, &self.random, &self.metrics);
        let last_spans = spans.clone();
        let Self { name, workers, clock, random, metrics, state, boundary, routes, operations, .. } = self;
        let operator = operations.map(|OperatorRoutes { credentials, routes }| {
            let (clock, random, metrics, state) =
                (clock.clone(), random.clone(), metrics.clone(), state.clone());
            let spans = spans.clone();
            move |config: &mut web::ServiceConfig| {
                let worker = Worker {
                    state: state(),
                    boundary: credentials.clone(),
                    clock: clock.clone(),
                    random: random.clone(),
                    metrics: metrics.clone(),
                    spans: spans.clone(),
                    service: name,
                };
                routes(RouteTable::new(Rc::new(worker))).configure(config);
            }
        });
        let server = HttpServer::new(move || {
            let worker = Rc::new(Worker {
                state: state(),
                boundary: boundary(),
                clock: clock.clone(),
                random: random.clone(),
                metrics: metrics.clone(),
                spans: spans.clone(),
                service: name,
            });
            App::new().configure(|config| routes(RouteTable::new(worker)).configure(config))
        });
        let server = server
            .workers(workers)
            .keep_alive(KEEP_ALIVE)
            .client_request_timeout(HEAD_DEADLINE)
            .client_disconnect_timeout(Duration::from_secs(1))
            .shutdown_timeout(DRAIN_SECONDS)
            .disable_signals()
            .listen(listeners.service)?
            .run();
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
        tracing::info!(service = name, %address, %admin_address, "started");
        Ok(Running {
            address,
            admin_address,
            handles: [server.handle(), admin_server.handle()],
            servers: [tokio::spawn(server), tokio::spawn(admin_server)],
            stopping,
            tasks: Vec::new(),
            at_the_end: vec![Box::pin(last_spans.stop())],
        })
    }
}

impl Running {
    /// A task that works beside the requests and ends with the service.
    #[must_use]
    pub fn beside(mut self, task: JoinHandle<()>) -> Self {
        self.tasks.push(task);
        self
    }

    /// What remains to be done when the last request has been answered.
    #[must_use]
    pub fn at_the_end(mut self, last: impl Future<Output = ()> + Send + 'static) -> Self {
        self.at_the_end.push(Box::pin(last));
        self
    }

    /// Stops: not ready any more, no new connections, requests in flight are answered, then the end.
    pub async fn stop(self) {
        self.end(true).await;
    }

    /// Ends at once: open connections are cut. What a crash looks like to callers; for tests.
    pub async fn kill(self) {
        self.end(false).await;
    }

    async fn end(self, gracefully: bool) {
        self.stopping.store(true, Ordering::SeqCst);
        let [service, admin] = self.handles;
        service.stop(gracefully).await;
        admin.stop(false).await;
        for server in self.servers {
            // The task ends with its server; it has nothing more to say.
            let _ = server.await;
        }
        for task in self.tasks {
            task.abort();
        }
        for last in self.at_the_end {
            last.await;
        }
    }
}
