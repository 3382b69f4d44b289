use std::sync::{Arc, Mutex};

use tokio::{sync::Semaphore, task::JoinSet};

use super::*;

/// Doubles the requests, as many batches as permitted; records the batches.
#[derive(Clone, Default)]
struct Doubling(Arc<Inner>);

struct Inner {
    permits: Semaphore,
    started: Semaphore,
    batches: Mutex<Vec<Vec<u32>>>,
}

impl Default for Inner {
    fn default() -> Self {
        Self { permits: Semaphore::new(0), started: Semaphore::new(0), batches: Mutex::default() }
    }
}

/// Fails its whole batch.
const POISON: u32 = 1000;

impl BatchExecutor for Doubling {
    type Request = u32;
    type Answer = u32;

    async fn run(&self, requests: &[u32]) -> Result<Vec<Option<u32>>, DatabaseError> {
        self.0.batches.lock().unwrap().push(requests.to_vec());
        self.0.started.add_permits(1);
        self.0.permits.acquire().await.unwrap().forget();
        if requests.contains(&POISON) {
            return Err(DatabaseError::Malformed("seven".to_owned()));
        }
        // Of equal requests, the first is answered.
        let answer =
            |(place, request): (usize, &u32)| (!requests[..place].contains(request)).then_some(request * 2);
        Ok(requests.iter().enumerate().map(answer).collect())
    }
}

impl Doubling {
    fn permit(&self, batches: usize) {
        self.0.permits.add_permits(batches);
    }

    /// Returns once one more batch has started.
    async fn wait_for_batch(&self) {
        self.0.started.acquire().await.unwrap().forget();
    }

    fn batches(&self) -> Vec<Vec<u32>> {
        self.0.batches.lock().unwrap().clone()
    }
}

type Calls = JoinSet<(u32, Result<u32, DatabaseError>)>;

fn call(calls: &mut Calls, batch: &Batcher<Doubling>, request: u32) {
    let batch = batch.clone();
    calls.spawn(async move { (request, batch.submit(request).await) });
}

/// A running batch with the request 0, and requests that arrive meanwhile.
async fn meanwhile(requests: impl IntoIterator<Item = u32>) -> (Doubling, Batcher<Doubling>, Calls) {
    let (doubling, mut calls) = (Doubling::default(), Calls::new());
    let batch = Batcher::new(doubling.clone());
    call(&mut calls, &batch, 0);
    doubling.wait_for_batch().await;
    for request in requests {
        call(&mut calls, &batch, request);
        // Single-threaded: the request has been sent when this returns.
        tokio::task::yield_now().await;
    }
    (doubling, batch, calls)
}

async fn all_are_doubled(calls: Calls) {
    for (request, answer) in calls.join_all().await {
        assert_eq!(answer.unwrap(), request * 2);
    }
}

#[tokio::test]
async fn an_idle_batcher_runs_one_request_and_later_ones_share_a_batch() {
    let (doubling, _batch, calls) = meanwhile(1..=5).await;
    doubling.permit(2);
    all_are_doubled(calls).await;
    assert_eq!(doubling.batches(), [vec![0], vec![1, 2, 3, 4, 5]]);
}

#[tokio::test]
async fn batches_are_bounded() {
    let most = u32::try_from(MAX_BATCH_SIZE).unwrap();
    let (doubling, _batch, calls) = meanwhile(1..=2 * most + 1).await;
    doubling.permit(4);
    all_are_doubled(calls).await;
    assert_eq!(
        doubling.batches().iter().map(Vec::len).collect::<Vec<_>>(),
        [1, MAX_BATCH_SIZE, MAX_BATCH_SIZE, 1]
    );
}

#[tokio::test]
async fn unanswered_requests_are_repeated_before_later_ones() {
    let (doubling, batch, mut calls) = meanwhile([1, 1, 2, 1]).await;
    doubling.permit(1);
    doubling.wait_for_batch().await;
    call(&mut calls, &batch, 3);
    tokio::task::yield_now().await;
    doubling.permit(3);
    all_are_doubled(calls).await;
    assert_eq!(doubling.batches(), [vec![0], vec![1, 1, 2, 1], vec![1, 1, 3], vec![1]]);
}

#[tokio::test]
async fn an_error_fails_the_whole_batch_and_the_next_one_works() {
    let (doubling, batch, mut calls) = meanwhile([1, POISON, 2]).await;
    doubling.permit(2);
    while let Some(called) = calls.join_next().await {
        let (request, answer) = called.unwrap();
        match request {
            0 => assert_eq!(answer.unwrap(), 0),
            _ => assert!(matches!(answer.unwrap_err(), DatabaseError::Malformed(_))),
        }
    }
    doubling.permit(1);
    assert_eq!(batch.submit(4).await.unwrap(), 8);
}

#[tokio::test]
async fn a_cancelled_request_is_dropped_before_its_batch_and_harmless_after() {
    let (doubling, batch, mut calls) = meanwhile([1]).await;
    let mut cancelled = Calls::new();
    call(&mut cancelled, &batch, 2);
    tokio::task::yield_now().await;
    cancelled.shutdown().await;
    call(&mut calls, &batch, 3);
    tokio::task::yield_now().await;
    // Cancelled after its batch has started.
    let mut running = Calls::new();
    call(&mut running, &batch, 4);
    tokio::task::yield_now().await;
    doubling.permit(1);
    doubling.wait_for_batch().await;
    running.shutdown().await;
    doubling.permit(1);
    all_are_doubled(calls).await;
    assert_eq!(doubling.batches(), [vec![0], vec![1, 3, 4]]);
}

#[tokio::test]
async fn the_executor_ends_with_the_last_clone() {
    let doubling = Doubling::default();
    let batch = Batcher::new(doubling.clone());
    let other = batch.clone();
    drop(batch);
    doubling.permit(1);
    assert_eq!(other.submit(1).await.unwrap(), 2);
    drop(other);
    while Arc::strong_count(&doubling.0) > 1 {
        tokio::task::yield_now().await;
    }
}

/// Each worker of a service has its own runtime.
#[test]
fn callers_may_be_on_other_runtimes() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let doubling = Doubling::default();
    doubling.permit(1000);
    let batch = Batcher::new(doubling.clone());
    let workers: Vec<_> = (0..4)
        .map(|worker| {
            let batch = batch.clone();
            std::thread::spawn(move || {
                runtime().block_on(async {
                    for n in 0..100 {
                        assert_eq!(batch.submit(worker * 100 + n).await.unwrap(), 2 * (worker * 100 + n));
                    }
                });
            })
        })
        .collect();
    for worker in workers {
        worker.join().unwrap();
    }
    // The runtimes have ended; others may have their ids.
    for n in 0..10 {
        assert_eq!(runtime().block_on(batch.submit(n)).unwrap(), 2 * n);
    }
    // Queues of ended runtimes are dropped.
    assert_eq!(batch.0.queues.lock().unwrap().len(), 1);
}
