//! A service that runs, and its stop.

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

/// A service that runs.
pub struct Running {
    /// Where its operators look.
    pub admin_address: SocketAddr,
    /// The service, for callers of this process.
    pub in_process: InProcess,
    pub(super) address: Option<SocketAddr>,
    pub(super) handles: Vec<ServerHandle>,
    pub(super) servers: Vec<JoinHandle<io::Result<()>>>,
    pub(super) stopping: Arc<AtomicBool>,
    pub(super) drain: Duration,
    pub(super) tasks: Vec<JoinHandle<()>>,
    pub(super) on_shutdown: Vec<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl Running {
    /// Where it listens to its callers, unless they live in its process.
    pub fn listens_on(&self) -> Option<SocketAddr> {
        self.address
    }

    /// Where it is called.
    ///
    /// # Panics
    /// If it has no listener for callers, because they live in its process.
    #[allow(clippy::expect_used, reason = "who lets a service have no listener does not ask for its address")]
    pub fn address(&self) -> SocketAddr {
        self.address.expect("a listener for callers")
    }

    /// A task that works beside the requests and ends with the service.
    #[must_use]
    pub fn with_task(mut self, task: JoinHandle<()>) -> Self {
        self.tasks.push(task);
        self
    }

    /// Such tasks, if there are any.
    #[must_use]
    pub fn beside_all(mut self, tasks: impl IntoIterator<Item = JoinHandle<()>>) -> Self {
        self.tasks.extend(tasks);
        self
    }

    /// What remains to be done when the last request has been answered.
    #[must_use]
    pub fn on_shutdown(mut self, last: impl Future<Output = ()> + Send + 'static) -> Self {
        self.on_shutdown.push(Box::pin(last));
        self
    }

    /// Stops: not ready any more, then no new connections, requests in flight are answered, then the end.
    pub async fn stop(self) {
        self.stopping.store(true, Ordering::SeqCst);
        tokio::time::sleep(self.drain).await;
        self.end(true).await;
    }

    /// Ends at once: open connections are cut. What a crash looks like to callers; for tests.
    pub async fn kill(self) {
        self.end(false).await;
    }

    async fn end(self, gracefully: bool) {
        self.stopping.store(true, Ordering::SeqCst);
        // The callers' listener first, if there is one; the operators' is the last.
        let operators = self.handles.len().saturating_sub(1);
        for (place, server) in self.handles.into_iter().enumerate() {
            server.stop(gracefully && place < operators).await;
        }
        for server in self.servers {
            // The task ends with its server; it has nothing more to say.
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
