//! Background thread that reads and parses the accounts file, which takes seconds with a million deployments and must not
//! block requests. Always the same thread, because the allocator keeps freed memory per thread.

use std::{
    io,
    sync::mpsc::{Sender, channel},
    thread,
};

use tokio::sync::oneshot;

type Job = Box<dyn FnOnce() + Send>;

/// Handle of the thread. Dropping it ends the thread.
#[derive(Debug)]
pub(super) struct BackgroundThread(Sender<Job>);

impl BackgroundThread {
    pub(super) fn open() -> io::Result<Self> {
        let (jobs, received) = channel::<Job>();
        let work = move || received.into_iter().for_each(|job| job());
        thread::Builder::new().name("accounts".to_owned()).spawn(work)?;
        Ok(Self(jobs))
    }

    /// Runs `work` on the thread and returns its result.
    ///
    /// # Panics
    ///
    /// If `work` panics.
    pub(super) async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        let (reply, result) = oneshot::channel();
        // Fails if the thread panicked; then the await below fails too. If the caller was cancelled, the result is dropped.
        let _ = self.0.send(Box::new(move || drop(reply.send(work()))));
        result.await.expect("a job of the accounts file has panicked")
    }
}
