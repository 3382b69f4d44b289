//! Where files are read and parsed, which must not block requests. Large files have a thread of their own, always the same,
//! because the allocator keeps freed memory per thread: the accounts file takes seconds with a million deployments.

use std::{
    future, io,
    panic::resume_unwind,
    sync::mpsc::{Sender, channel},
    thread,
};

use tokio::{sync::oneshot, task::spawn_blocking};

type Job = Box<dyn FnOnce() + Send>;

/// Handle of the thread. Dropping it ends the thread.
#[derive(Debug)]
pub struct BackgroundThread(Sender<Job>);

impl BackgroundThread {
    /// Starts the thread.
    pub fn open(name: &str) -> io::Result<Self> {
        let (jobs, received) = channel::<Job>();
        let work = move || received.into_iter().for_each(|job| job());
        thread::Builder::new().name(name.to_owned()).spawn(work)?;
        Ok(Self(jobs))
    }

    /// Runs `work` on the thread and returns its result.
    ///
    /// # Panics
    ///
    /// If `work` panics.
    #[allow(clippy::expect_used, reason = "passes a panic on to the caller")]
    pub(super) async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        let (reply, result) = oneshot::channel();
        // Fails if the thread panicked; then the await below fails too. If the caller was cancelled, the result is dropped.
        let _ = self.0.send(Box::new(move || drop(reply.send(work()))));
        result.await.expect("a job of a watched file has panicked")
    }
}

/// Runs `work` on the runtime's pool of blocking threads.
///
/// # Panics
///
/// If `work` panics.
pub(super) async fn run_on_pool<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            // The runtime is shutting down.
            Err(_) => future::pending().await,
        },
    }
}
