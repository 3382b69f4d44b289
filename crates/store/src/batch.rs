//! Batches concurrent requests to PostgreSQL into one statement. A statement costs much the same for one row as for
//! many: the round trip and, for a write, the wait for the disk. Requests that arrive while a statement runs are sent
//! together with the next one. No artificial delay: an idle batcher runs a single request immediately.
//!
//! Each of the callers' runtimes has its own batches, since handing a request to another thread wakes two of them.

use std::{
    future::Future,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::{
    runtime::{self, Handle},
    sync::{
        mpsc::{self, UnboundedReceiver, UnboundedSender},
        oneshot,
    },
};

use crate::{
    error::DatabaseError,
    limits::{DEADLINE, MAX_BATCH_SIZE, within},
};

/// Executes a batch.
pub trait BatchExecutor: Send + Sync + 'static {
    /// One caller's request.
    type Request: Send + Sync + 'static;
    /// The answer to it.
    type Answer: Send + 'static;

    /// Executes 1 to [`MAX_BATCH_SIZE`] requests and returns an answer for each, in order. A request with the answer
    /// `None` is repeated in the next batch; at least one must be answered. An error is returned to all callers.
    fn run(
        &self,
        requests: &[Self::Request],
    ) -> impl Future<Output = Result<Vec<Option<Self::Answer>>, DatabaseError>> + Send;
}

/// Sends requests to a [`BatchExecutor`]. Cheap to clone; clones share it, and the executor ends with the last of them.
pub struct Batcher<T: BatchExecutor>(Arc<Shared<T>>);

struct Shared<T: BatchExecutor> {
    executor: Arc<T>,
    queues: Mutex<Vec<(runtime::Id, UnboundedSender<Waiting<T>>)>>,
}

struct Waiting<T: BatchExecutor> {
    request: T::Request,
    reply: oneshot::Sender<Result<T::Answer, DatabaseError>>,
}

impl<T: BatchExecutor> Batcher<T> {
    /// Runs the executor on the callers' tokio runtimes.
    pub fn new(executor: T) -> Self {
        Self(Arc::new(Shared { executor: Arc::new(executor), queues: Mutex::default() }))
    }

    /// Sends a request and waits for its answer, at most 10 s. If the caller is cancelled before the batch
    /// starts, the request is dropped; afterwards it is executed regardless.
    pub async fn submit(&self, request: T::Request) -> Result<T::Answer, DatabaseError> {
        let (reply, answer) = oneshot::channel();
        self.queue().send(Waiting { request, reply }).map_err(|_| DatabaseError::Closed)?;
        within(DEADLINE, async { answer.await.unwrap_or(Err(DatabaseError::Closed)) }).await
    }

    /// The queue of the current runtime.
    fn queue(&self) -> UnboundedSender<Waiting<T>> {
        let here = Handle::current().id();
        let mut queues = self.0.queues.lock().unwrap_or_else(PoisonError::into_inner);
        // Those of runtimes that have ended, of which one may have had the same id.
        queues.retain(|(_, queue)| !queue.is_closed());
        if let Some((_, queue)) = queues.iter().find(|(runtime, _)| *runtime == here) {
            return queue.clone();
        }
        let (sender, receiver) = mpsc::unbounded_channel();
        tokio::spawn(serve(Arc::clone(&self.0.executor), receiver));
        queues.push((here, sender.clone()));
        sender
    }
}

async fn serve<T: BatchExecutor>(executor: Arc<T>, mut incoming: UnboundedReceiver<Waiting<T>>) {
    let mut waiting = Vec::with_capacity(MAX_BATCH_SIZE);
    while fill(&mut incoming, &mut waiting).await {
        waiting.retain(|waiting| !waiting.reply.is_closed());
        if waiting.is_empty() {
            continue;
        }
        let (requests, replies): (Vec<_>, Vec<_>) =
            waiting.drain(..).map(|Waiting { request, reply }| (request, reply)).unzip();
        match within(DEADLINE, executor.run(&requests)).await {
            Ok(answers) => {
                for ((request, reply), answer) in requests.into_iter().zip(replies).zip(answers) {
                    match answer {
                        // The caller was cancelled; its reply is dropped.
                        Some(answer) => drop(reply.send(Ok(answer))),
                        None => waiting.push(Waiting { request, reply }),
                    }
                }
            }
            Err(error) => {
                for reply in replies {
                    drop(reply.send(Err(error.clone())));
                }
            }
        }
    }
}

/// Fills the batch with arrived requests, and waits for one if it is empty. `false` once all senders are gone and
/// nothing is left.
async fn fill<T: BatchExecutor>(
    incoming: &mut UnboundedReceiver<Waiting<T>>,
    waiting: &mut Vec<Waiting<T>>,
) -> bool {
    if waiting.is_empty() {
        return incoming.recv_many(waiting, MAX_BATCH_SIZE).await > 0;
    }
    while waiting.len() < MAX_BATCH_SIZE
        && let Ok(more) = incoming.try_recv()
    {
        waiting.push(more);
    }
    true
}

impl<T: BatchExecutor> Clone for Batcher<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: BatchExecutor> std::fmt::Debug for Batcher<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Batcher")
    }
}

#[cfg(test)]
mod tests;
