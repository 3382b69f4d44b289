use std::sync::{Arc, Mutex};

use tokio::{sync::Semaphore, task::JoinSet};

use super::*;

/// Doubles what it is asked, as often as it is let; keeps what went together.
#[derive(Clone, Default)]
struct Doubling(Arc<Inner>);

struct Inner {
    turns: Semaphore,
    began: Semaphore,
    went: Mutex<Vec<Vec<u32>>>,
}

impl Default for Inner {
    fn default() -> Self {
        Self { turns: Semaphore::new(0), began: Semaphore::new(0), went: Mutex::default() }
    }
}

/// Fails all with whom it goes.
const POISON: u32 = 1000;

impl BatchExecutor for Doubling {
    type Request = u32;
    type Answer = u32;

    async fn run(&self, asks: &[u32]) -> Result<Vec<Option<u32>>, DatabaseError> {
        self.0.went.lock().unwrap().push(asks.to_vec());
        self.0.began.add_permits(1);
        self.0.turns.acquire().await.unwrap().forget();
        if asks.contains(&POISON) {
            return Err(DatabaseError::Malformed(7));
        }
        // Of equal ones, the first.
        let answer = |(place, ask): (usize, &u32)| (!asks[..place].contains(ask)).then_some(ask * 2);
        Ok(asks.iter().enumerate().map(answer).collect())
    }
}

impl Doubling {
    fn lets(&self, batches: usize) {
        self.0.turns.add_permits(batches);
    }

    /// Returns once one more batch has begun.
    async fn begins(&self) {
        self.0.began.acquire().await.unwrap().forget();
    }

    fn went(&self) -> Vec<Vec<u32>> {
        self.0.went.lock().unwrap().clone()
    }
}

type Calls = JoinSet<(u32, Result<u32, DatabaseError>)>;

fn call(calls: &mut Calls, batch: &Batcher<Doubling>, ask: u32) {
    let batch = batch.clone();
    calls.spawn(async move { (ask, batch.ask(ask).await) });
}

/// A batch that runs for 0, and these who came meanwhile.
async fn meanwhile(asks: impl IntoIterator<Item = u32>) -> (Doubling, Batcher<Doubling>, Calls) {
    let (doubling, mut calls) = (Doubling::default(), Calls::new());
    let batch = Batcher::new(doubling.clone());
    call(&mut calls, &batch, 0);
    doubling.begins().await;
    for ask in asks {
        call(&mut calls, &batch, ask);
        // On this one thread, he has asked by the time that this goes on.
        tokio::task::yield_now().await;
    }
    (doubling, batch, calls)
}

async fn all_are_doubled(calls: Calls) {
    for (ask, answer) in calls.join_all().await {
        assert_eq!(answer.unwrap(), ask * 2);
    }
}

#[tokio::test]
async fn one_goes_at_once_and_who_comes_meanwhile_goes_together() {
    let (doubling, _batch, calls) = meanwhile(1..=5).await;
    doubling.lets(2);
    all_are_doubled(calls).await;
    assert_eq!(doubling.went(), [vec![0], vec![1, 2, 3, 4, 5]]);
}

#[tokio::test]
async fn no_more_go_together_than_there_is_room_for() {
    let most = u32::try_from(TOGETHER).unwrap();
    let (doubling, _batch, calls) = meanwhile(1..=2 * most + 1).await;
    doubling.lets(4);
    all_are_doubled(calls).await;
    assert_eq!(doubling.went().iter().map(Vec::len).collect::<Vec<_>>(), [1, TOGETHER, TOGETHER, 1]);
}

#[tokio::test]
async fn what_was_not_answered_goes_with_the_next_before_those_who_come_later() {
    let (doubling, batch, mut calls) = meanwhile([1, 1, 2, 1]).await;
    doubling.lets(1);
    doubling.begins().await;
    call(&mut calls, &batch, 3);
    tokio::task::yield_now().await;
    doubling.lets(3);
    all_are_doubled(calls).await;
    assert_eq!(doubling.went(), [vec![0], vec![1, 1, 2, 1], vec![1, 1, 3], vec![1]]);
}

#[tokio::test]
async fn an_error_is_everyones_and_the_next_batch_works() {
    let (doubling, batch, mut calls) = meanwhile([1, POISON, 2]).await;
    doubling.lets(2);
    while let Some(called) = calls.join_next().await {
        let (ask, answer) = called.unwrap();
        match ask {
            0 => assert_eq!(answer.unwrap(), 0),
            _ => assert!(matches!(answer.unwrap_err(), DatabaseError::Malformed(7))),
        }
    }
    doubling.lets(1);
    assert_eq!(batch.ask(4).await.unwrap(), 8);
}

#[tokio::test]
async fn who_goes_away_harms_nobody_and_takes_along_what_has_not_begun() {
    let (doubling, batch, mut calls) = meanwhile([1]).await;
    let mut gone = Calls::new();
    call(&mut gone, &batch, 2);
    tokio::task::yield_now().await;
    gone.shutdown().await;
    call(&mut calls, &batch, 3);
    tokio::task::yield_now().await;
    // This one goes away once it has begun.
    let mut begun = Calls::new();
    call(&mut begun, &batch, 4);
    tokio::task::yield_now().await;
    doubling.lets(1);
    doubling.begins().await;
    begun.shutdown().await;
    doubling.lets(1);
    all_are_doubled(calls).await;
    assert_eq!(doubling.went(), [vec![0], vec![1, 3, 4]]);
}

#[tokio::test]
async fn what_runs_ends_with_the_last_who_may_ask() {
    let doubling = Doubling::default();
    let batch = Batcher::new(doubling.clone());
    let other = batch.clone();
    drop(batch);
    doubling.lets(1);
    assert_eq!(other.ask(1).await.unwrap(), 2);
    drop(other);
    while Arc::strong_count(&doubling.0) > 1 {
        tokio::task::yield_now().await;
    }
}

/// Each worker of a service is a runtime of its own.
#[test]
fn callers_may_be_on_other_runtimes() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (serving, doubling) = (runtime(), Doubling::default());
    doubling.lets(1000);
    let batch = serving.block_on(async { Batcher::new(doubling.clone()) });
    let workers: Vec<_> = (0..4)
        .map(|worker| {
            let batch = batch.clone();
            std::thread::spawn(move || {
                runtime().block_on(async {
                    for n in 0..100 {
                        assert_eq!(batch.ask(worker * 100 + n).await.unwrap(), 2 * (worker * 100 + n));
                    }
                });
            })
        })
        .collect();
    drop(batch);
    serving.block_on(async {
        while Arc::strong_count(&doubling.0) > 1 {
            tokio::task::yield_now().await;
        }
    });
    for worker in workers {
        worker.join().unwrap();
    }
    // Without the runtime that serves, all are told.
    let batch = serving.block_on(async { Batcher::new(doubling) });
    drop(serving);
    assert!(matches!(runtime().block_on(batch.ask(1)).unwrap_err(), DatabaseError::Closed));
}
