//! The thread that reads the accounts file: what takes seconds with a million deployments is done where no request
//! waits for it. One thread for all of it: an allocator that keeps freed memory by thread would keep some for each.

use std::{
    io,
    sync::mpsc::{Sender, channel},
    thread,
};

use tokio::sync::oneshot;

type Job = Box<dyn FnOnce() + Send>;

/// The thread. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct BackgroundThread(Sender<Job>);

impl BackgroundThread {
    pub(super) fn open() -> io::Result<Self> {
        let (jobs, given) = channel::<Job>();
        let work = move || given.into_iter().for_each(|job| job());
        thread::Builder::new().name("accounts".to_owned()).spawn(work)?;
        Ok(Self(jobs))
    }

    /// Does this on the thread, and waits for it.
    ///
    /// # Panics
    ///
    /// If it panics.
    pub(super) async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        let (tell, told) = oneshot::channel();
        // Fails if the thread has panicked, as does what waits here. If nobody waits any more, nobody is told.
        let _ = self.0.send(Box::new(move || drop(tell.send(work()))));
        told.await.expect("a job of the accounts file has panicked")
    }
}
