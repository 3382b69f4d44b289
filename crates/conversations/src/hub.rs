//! Wakes guests that wait for the next change of a conversation (contract, section 12). A waiting request registers, reads,
//! sleeps and reads again, so no change is lost: a change since the registration, or since the last wake-up, wakes it.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use shared_types::ConversationSid;
use tokio::sync::watch;

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

#[derive(Debug)]
struct Entry {
    changes: watch::Sender<()>,
    registered: usize,
}

/// A request that waits for a conversation. Deregisters on drop.
#[derive(Debug)]
pub struct Registration {
    hub: Hub,
    conversation: ConversationSid,
    changes: watch::Receiver<()>,
}

impl Hub {
    /// Registers a request, which then reads the conversation, and again after each wake-up.
    pub fn register(&self, conversation: ConversationSid) -> Registration {
        let mut shard = self.shard(conversation);
        let new = || Entry { changes: watch::Sender::new(()), registered: 0 };
        let entry = shard.entry(conversation).or_insert_with(new);
        entry.registered += 1;
        Registration { hub: self.clone(), conversation, changes: entry.changes.subscribe() }
    }

    /// Wakes the requests that wait for a conversation.
    pub fn wake(&self, conversation: ConversationSid) {
        if let Some(entry) = self.shard(conversation).get(&conversation) {
            entry.changes.send_replace(());
        }
    }

    /// Wakes all requests, spread over `duration`: changes may have been missed, and the store serves all of them.
    pub async fn wake_all(&self, duration: Duration) {
        let waiting: Vec<_> = self
            .0
            .shards
            .iter()
            .flat_map(|shard| lock(shard).values().map(|entry| entry.changes.clone()).collect::<Vec<_>>())
            .collect();
        for step in waiting.chunks(waiting.len().div_ceil(STEPS as usize).max(1)) {
            step.iter().for_each(|changes| changes.send_replace(()));
            tokio::time::sleep(duration / STEPS).await;
        }
    }

    /// Wakes all requests at once; from now on none waits.
    pub fn stop(&self) {
        self.0.is_stopping.store(true, Ordering::SeqCst);
        for shard in &self.0.shards {
            lock(shard).values().for_each(|entry| entry.changes.send_replace(()));
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
    /// Completes once there was a change since the registration or the last completed call. If it is cancelled, the change
    /// counts for the next call.
    pub async fn changed(&mut self) {
        if self.changes.changed().await.is_err() {
            // The sender lives as long as the registration.
            std::future::pending().await
        }
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

    async fn is_changed(registration: &mut Registration) -> bool {
        tokio::time::timeout(Duration::ZERO, registration.changed()).await.is_ok()
    }

    #[tokio::test]
    async fn each_change_since_the_registration_wakes_once() {
        let hub = Hub::default();
        let (first, second) = (ConversationSid::from_bits(1), ConversationSid::from_bits(2));
        hub.wake(first);
        let mut early = hub.register(first);
        hub.wake(first);
        hub.wake(first);
        let mut late = hub.register(first);
        assert!(is_changed(&mut early).await);
        hub.wake(second);
        assert!(!is_changed(&mut early).await, "woken twice, or by another conversation");
        assert!(!is_changed(&mut late).await, "woken by an earlier change");
        hub.wake(first);
        assert!(is_changed(&mut early).await && is_changed(&mut late).await);
    }

    #[tokio::test]
    async fn all_are_woken_and_none_is_left_behind() {
        let hub = Hub::default();
        let mut registrations: Vec<_> =
            (0..250).map(|n| hub.register(ConversationSid::from_bits(n % 200))).collect();
        hub.wake_all(Duration::ZERO).await;
        for registration in &mut registrations {
            assert!(is_changed(registration).await);
        }
        hub.stop();
        for registration in &mut registrations {
            assert!(is_changed(registration).await);
        }
        assert!(hub.is_stopping() && !is_empty(&hub));
        drop(registrations);
        assert!(is_empty(&hub));
    }
}
