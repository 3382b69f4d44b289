//! Wakes guests that wait for the next change of a conversation (contract, section 12). A waiting request registers, reads,
//! sleeps and reads again, so no change is lost: a change after the read wakes it, one before is read.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use shared_types::ConversationSid;
use tokio::sync::{Notify, futures::Notified};

/// Number of independently locked parts.
const SHARDS: usize = 16;

/// Number of steps in which [`Hub::wake_all`] spreads its wake-ups.
const STEPS: u32 = 100;

/// Conversations with waiting requests. Cheap to clone; clones share it.
#[derive(Clone, Debug, Default)]
pub struct Hub(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    shards: [Mutex<HashMap<ConversationSid, Entry>>; SHARDS],
    is_stopping: AtomicBool,
}

#[derive(Debug, Default)]
struct Entry {
    changed: Arc<Notify>,
    registered: usize,
}

/// A request that waits for a conversation. Deregisters on drop.
#[derive(Debug)]
pub struct Registration {
    hub: Hub,
    conversation: ConversationSid,
    changed: Arc<Notify>,
}

impl Hub {
    /// Registers a request. Create a [`Registration::changed`] before each read of the conversation.
    pub fn register(&self, conversation: ConversationSid) -> Registration {
        let mut shard = self.shard(conversation);
        let entry = shard.entry(conversation).or_default();
        entry.registered += 1;
        Registration { hub: self.clone(), conversation, changed: Arc::clone(&entry.changed) }
    }

    /// Wakes the requests that wait for a conversation.
    pub fn wake(&self, conversation: ConversationSid) {
        if let Some(entry) = self.shard(conversation).get(&conversation) {
            entry.changed.notify_waiters();
        }
    }

    /// Wakes all requests, spread over `duration`: changes may have been missed, and the store serves all of them.
    pub async fn wake_all(&self, duration: Duration) {
        let waiting: Vec<_> = self
            .0
            .shards
            .iter()
            .flat_map(|shard| {
                lock(shard).values().map(|entry| Arc::clone(&entry.changed)).collect::<Vec<_>>()
            })
            .collect();
        for step in waiting.chunks(waiting.len().div_ceil(STEPS as usize).max(1)) {
            step.iter().for_each(|changed| changed.notify_waiters());
            tokio::time::sleep(duration / STEPS).await;
        }
    }

    /// Wakes all requests at once; from now on none waits.
    pub fn stop(&self) {
        self.0.is_stopping.store(true, Ordering::SeqCst);
        for shard in &self.0.shards {
            lock(shard).values().for_each(|entry| entry.changed.notify_waiters());
        }
    }

    /// Whether the hub was stopped.
    pub fn is_stopping(&self) -> bool {
        self.0.is_stopping.load(Ordering::SeqCst)
    }

    fn shard(&self, conversation: ConversationSid) -> MutexGuard<'_, HashMap<ConversationSid, Entry>> {
        // The sids are random.
        let index = (conversation.to_bits() % SHARDS as u128) as usize;
        lock(self.0.shards.get(index).unwrap_or(&self.0.shards[0]))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Registration {
    /// Completes at the next change after this call, polled or not.
    pub fn changed(&self) -> Notified<'_> {
        self.changed.notified()
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let mut shard = self.hub.shard(self.conversation);
        if let Some(entry) = shard.get_mut(&self.conversation) {
            entry.registered -= 1;
            if entry.registered == 0 {
                shard.remove(&self.conversation);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_empty(hub: &Hub) -> bool {
        hub.0.shards.iter().all(|shard| lock(shard).is_empty())
    }

    #[tokio::test]
    async fn a_change_after_the_call_wakes_and_one_before_does_not() {
        let hub = Hub::default();
        let (first, second) = (ConversationSid::from_bits(1), ConversationSid::from_bits(2));
        let registration = hub.register(first);
        hub.wake(first);
        let changed = registration.changed();
        hub.wake(second);
        let mut changed = std::pin::pin!(changed);
        let is_pending = tokio::time::timeout(Duration::ZERO, changed.as_mut()).await.is_err();
        assert!(is_pending, "woken by an earlier change or by another conversation");
        let later = registration.changed();
        hub.wake(first);
        changed.await;
        later.await;
    }

    #[tokio::test]
    async fn all_are_woken_and_none_is_left_behind() {
        let hub = Hub::default();
        let registrations: Vec<_> =
            (0..250).map(|n| hub.register(ConversationSid::from_bits(n % 200))).collect();
        let changed: Vec<_> = registrations.iter().map(Registration::changed).collect();
        hub.wake_all(Duration::ZERO).await;
        for changed in changed {
            changed.await;
        }
        let changed: Vec<_> = registrations.iter().map(Registration::changed).collect();
        hub.stop();
        for changed in changed {
            changed.await;
        }
        assert!(hub.is_stopping() && !is_empty(&hub));
        drop(registrations);
        assert!(is_empty(&hub));
    }
}
