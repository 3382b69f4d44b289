//! A running service and its shutdown.

use std::{
    future::Future,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use actix_web::dev::ServerHandle;
use tokio::task::JoinHandle;

use crate::in_process::InProcess;

/// A running service.
pub struct Running {
    /// The admin listener's address.
    pub admin_address: SocketAddr,
    /// The service, for in-process callers.
    pub in_process: InProcess,
    pub(super) address: Option<SocketAddr>,
    pub(super) additional_addresses: Vec<SocketAddr>,
    /// The admin listener's is the last.
    pub(super) handles: Vec<ServerHandle>,
    pub(super) servers: Vec<JoinHandle<io::Result<()>>>,
    pub(super) stopping: Arc<AtomicBool>,
    pub(super) drain: Duration,
    pub(super) tasks: Vec<JoinHandle<()>>,
    pub(super) before_drain: Vec<Box<dyn FnOnce() + Send>>,
    pub(super) on_shutdown: Vec<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl Running {
    /// The service listener's address; `None` if all callers call in process.
    pub fn listens_on(&self) -> Option<SocketAddr> {
        self.address
    }

    /// The service listener's address.
    ///
    /// # Panics
    /// If the service was started without a listener.
    #[allow(clippy::expect_used, reason = "callers of a service without a listener do not need its address")]
    pub fn address(&self) -> SocketAddr {
        self.address.expect("a service listener")
    }

    /// The addresses of the additional listeners, in the order of the service's `additional`.
    pub fn additional_addresses(&self) -> &[SocketAddr] {
        &self.additional_addresses
    }

    /// Adds a background task, aborted on shutdown.
    #[must_use]
    pub fn with_task(mut self, task: JoinHandle<()>) -> Self {
        self.tasks.push(task);
        self
    }

    /// Adds background tasks.
    #[must_use]
    pub fn with_tasks(mut self, tasks: impl IntoIterator<Item = JoinHandle<()>>) -> Self {
        self.tasks.extend(tasks);
        self
    }

    /// Adds a function to call at the beginning of the stop, before the drain time.
    #[must_use]
    pub fn before_drain(mut self, first: impl FnOnce() + Send + 'static) -> Self {
        self.before_drain.push(Box::new(first));
        self
    }

    /// Adds a future to run after the last response.
    #[must_use]
    pub fn on_shutdown(mut self, last: impl Future<Output = ()> + Send + 'static) -> Self {
        self.on_shutdown.push(Box::pin(last));
        self
    }

    /// Graceful shutdown: not ready, drain time, then no new connections, then the end after the last response.
    pub async fn stop(mut self) {
        self.stopping.store(true, Ordering::SeqCst);
        for first in std::mem::take(&mut self.before_drain) {
            first();
        }
        tokio::time::sleep(self.drain).await;
        self.end(true).await;
    }

    /// Ends at once and closes open connections. Looks like a crash to callers; for tests.
    pub async fn kill(self) {
        self.end(false).await;
    }

    async fn end(mut self, gracefully: bool) {
        self.stopping.store(true, Ordering::SeqCst);
        // The admin listener is last. The others drain at the same time: `stop` takes effect when it is called.
        let admin = self.handles.pop();
        let stopped: Vec<_> = self.handles.iter().map(|server| server.stop(gracefully)).collect();
        for server in stopped {
            server.await;
        }
        if let Some(admin) = admin {
            admin.stop(false).await;
        }
        for server in self.servers {
            // The task's result is the server's, which has ended.
            let _ = server.await;
        }
        for task in self.tasks {
            task.abort();
        }
        for last in self.on_shutdown {
            last.await;
        }
    }
}
