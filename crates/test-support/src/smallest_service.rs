//! A minimal service for tests of the runtime: an access policy that allows every request, an error without values, and an
//! endpoint that responds when the test opens a gate.

use std::{sync::Arc, time::Duration};

use service_runtime::{
    AccessPolicy, ApiError, Clock, Denied, Metrics, RequestContext, RouteTable,
    random::Random,
    server::{KEEP_ALIVE, Listener, ServerLimits, Service},
    spans::SpanConfig,
};
use shared_types::{Code, endpoint, orchestrator::NoParameters};
use tokio::sync::Semaphore;

/// Allows every request.
pub struct Open;

impl AccessPolicy for Open {
    const ACCEPTS_FORMS: bool = false;

    fn authorize(&self, _call: &mut RequestContext<'_>, _path: &str) -> Result<(), Denied> {
        Ok(())
    }
}

/// An error that cannot occur.
#[derive(Debug, thiserror::Error)]
pub enum Never {}

impl ApiError for Never {
    fn code(&self) -> Code {
        match *self {}
    }
}

/// A service with one worker and this state, which is ready from the start.
pub fn service<S: Clone + Send + Sync + 'static>(
    state: S,
    limits: ServerLimits,
    drain: Duration,
    routes: fn(RouteTable<S, Open>) -> RouteTable<S, Open>,
) -> Service<S, Open> {
    service_on(state, drain, Listener { limits, access_policy: Arc::new(|| Open), routes })
}

/// The same with any access policy.
pub fn service_on<S: Clone + Send + Sync + 'static, P: AccessPolicy>(
    state: S,
    drain: Duration,
    listener: Listener<S, P>,
) -> Service<S, P> {
    Service {
        name: "SmallestService",
        workers: 1,
        clock: Clock::system(),
        spans: SpanConfig::OFF,
        random: Random::default(),
        metrics: Arc::new(Metrics::default()),
        tls: None,
        drain,
        keep_alive: KEEP_ALIVE,
        check: Arc::new(|| Box::pin(async { Ok(()) })),
        state: Arc::new(move || state.clone()),
        listener,
        additional: Vec::new(),
        admin: None,
    }
}

endpoint! {
    /// Responds when the test opens the [`Gate`].
    pub struct Wait: "wait" = POST "/v1/Wait";
    path: NoParameters;
    request: NoParameters;
    response: 200 => NoParameters;
    idempotent: false;
    errors: [];
}

/// The test's controls of [`Wait`]: signals arrived requests, and releases them.
#[derive(Clone)]
pub struct Gate {
    arrived: Arc<Semaphore>,
    released: Arc<Semaphore>,
}

impl Gate {
    /// A closed gate.
    pub fn closed() -> Self {
        Self { arrived: Arc::new(Semaphore::new(0)), released: Arc::new(Semaphore::new(0)) }
    }

    /// Waits until `requests` more have arrived.
    pub async fn arrived(&self, requests: u32) {
        self.arrived.acquire_many(requests).await.unwrap().forget();
    }

    /// Lets `requests` more pass.
    pub fn release(&self, requests: usize) {
        self.released.add_permits(requests);
    }

    /// The handler of [`Wait`].
    pub async fn pass(&self) -> Result<NoParameters, Never> {
        self.arrived.add_permits(1);
        self.released.acquire().await.unwrap().forget();
        Ok(NoParameters {})
    }
}
