//! Calls of the store that go to PostgreSQL together. A statement costs much the same for one row as for many: the way to the engine
//! and back, and where something is written, the wait until it is safe. So what is asked while a statement runs gathers,
//! and goes with the next one. Nobody waits for company: a batch that is idle runs at once, for one.

use std::future::Future;

use tokio::sync::{
    mpsc::{self, UnboundedReceiver, UnboundedSender},
    oneshot,
};

use crate::{
    error::DatabaseError,
    limits::{DEADLINE, TOGETHER, within},
};

/// What runs for all who have gathered.
pub trait BatchExecutor: Send + 'static {
    /// What one caller asks.
    type Request: Send + Sync + 'static;
    /// What he is answered.
    type Answer: Send + 'static;

    /// Does what is asked, of 1 to [`TOGETHER`] callers, and answers each in the place of his ask. With `None` an ask
    /// goes again with the next batch; at least one must be answered. An error is that of them all.
    fn run(
        &self,
        asks: &[Self::Request],
    ) -> impl Future<Output = Result<Vec<Option<Self::Answer>>, DatabaseError>> + Send;
}

/// Where callers gather. Cheap to clone; all clones are one. What runs ends with the last of them.
pub struct Batcher<T: BatchExecutor>(UnboundedSender<Waiting<T>>);

struct Waiting<T: BatchExecutor> {
    ask: T::Request,
    reply: oneshot::Sender<Result<T::Answer, DatabaseError>>,
}

impl<T: BatchExecutor> Batcher<T> {
    /// An idle batch. What runs does so on the current tokio runtime, whichever runtimes the callers are on.
    pub fn new(together: T) -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
        tokio::spawn(serve(together, receiver));
        Self(sender)
    }

    /// Asks, and waits for the answer no longer than for any call of the store. A caller who goes away before his ask's
    /// turn takes it with him; from then on it is done all the same.
    pub async fn ask(&self, ask: T::Request) -> Result<T::Answer, DatabaseError> {
        let (reply, answer) = oneshot::channel();
        self.0.send(Waiting { ask, reply }).map_err(|_| DatabaseError::Closed)?;
        within(DEADLINE, async { answer.await.unwrap_or(Err(DatabaseError::Closed)) }).await
    }
}

async fn serve<T: BatchExecutor>(together: T, mut arriving: UnboundedReceiver<Waiting<T>>) {
    let mut waiting = Vec::with_capacity(TOGETHER);
    while arrive(&mut arriving, &mut waiting).await {
        waiting.retain(|waiting| !waiting.reply.is_closed());
        if waiting.is_empty() {
            continue;
        }
        let (asks, replies): (Vec<_>, Vec<_>) =
            waiting.drain(..).map(|Waiting { ask, reply }| (ask, reply)).unzip();
        match within(DEADLINE, together.run(&asks)).await {
            Ok(answers) => {
                for ((ask, reply), answer) in asks.into_iter().zip(replies).zip(answers) {
                    match answer {
                        // Who went away meanwhile does not hear it.
                        Some(answer) => drop(reply.send(Ok(answer))),
                        None => waiting.push(Waiting { ask, reply }),
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

/// Adds to those who wait those who have come, as far as there is room; waits for one if there is none at all. `false`:
/// nobody is left, and nobody can come any more.
async fn arrive<T: BatchExecutor>(
    arriving: &mut UnboundedReceiver<Waiting<T>>,
    waiting: &mut Vec<Waiting<T>>,
) -> bool {
    if waiting.is_empty() {
        return arriving.recv_many(waiting, TOGETHER).await > 0;
    }
    while waiting.len() < TOGETHER
        && let Ok(more) = arriving.try_recv()
    {
        waiting.push(more);
    }
    true
}

impl<T: BatchExecutor> Clone for Batcher<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: BatchExecutor> std::fmt::Debug for Batcher<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Batch")
    }
}

#[cfg(test)]
mod tests;
