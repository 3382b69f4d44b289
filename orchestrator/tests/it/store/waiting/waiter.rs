//! A waiter that takes the steps of a waiting request, and is polled by the test only when it was woken.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use conversations::{Conversations, Range};
use shared_types::{ConversationSid, orchestrator::list_messages::ChatMessage};

use crate::store::{ACCOUNT, identity, waiting::GUEST};

/// Messages of a page, fewer than a case may have.
const PAGE: u32 = 3;

pub(super) struct Waiter {
    store: Conversations,
    conversation: ConversationSid,
    /// All messages that it received.
    pub(super) received: Vec<ChatMessage>,
    waiting: Option<Pin<Box<dyn Future<Output = Vec<ChatMessage>>>>>,
    woken: Arc<Woken>,
}

#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl Waiter {
    pub(super) fn new(store: Conversations, conversation: ConversationSid) -> Self {
        Self { store, conversation, received: Vec::new(), waiting: None, woken: Arc::default() }
    }

    /// Begins to wait, or takes the next step if it was woken.
    pub(super) async fn advance(&mut self) {
        let after = self.cursor();
        let waiting = self.waiting.get_or_insert_with(|| {
            self.woken = Arc::new(Woken(AtomicBool::new(true)));
            Box::pin(wait(self.store.clone(), self.conversation, after))
        });
        if !self.woken.0.swap(false, Ordering::SeqCst) {
            return;
        }
        let waker = Waker::from(Arc::clone(&self.woken));
        let polled =
            std::future::poll_fn(|_| Poll::Ready(waiting.as_mut().poll(&mut Context::from_waker(&waker))));
        if let Poll::Ready(page) = polled.await {
            self.waiting = None;
            self.receive(page);
        }
    }

    /// The connection is cut: a response on its way is lost.
    pub(super) fn cut(&mut self) {
        self.waiting = None;
    }

    /// Reads without waiting, on another connection. Its page makes a wait from an earlier index useless.
    pub(super) async fn read(&mut self) {
        self.waiting = None;
        let page = page(&self.store, self.conversation, self.cursor()).await;
        self.receive(page);
    }

    fn cursor(&self) -> Option<u32> {
        self.received.last().map(|message| message.index)
    }

    fn receive(&mut self, page: Vec<ChatMessage>) {
        for message in page {
            assert_eq!(message.index as usize, self.received.len(), "out of order, lost or twice");
            self.received.push(message);
        }
    }
}

/// A waiting request's steps, with a pause between each two.
async fn wait(store: Conversations, conversation: ConversationSid, after: Option<u32>) -> Vec<ChatMessage> {
    let mut registration = store.hub().register(conversation);
    loop {
        pause().await;
        let page = page(&store, conversation, after).await;
        pause().await;
        if !page.is_empty() {
            return page;
        }
        registration.changed().await;
    }
}

async fn page(store: &Conversations, conversation: ConversationSid, after: Option<u32>) -> Vec<ChatMessage> {
    let page = store.messages(ACCOUNT, identity(GUEST), conversation, Range::After(after), PAGE);
    page.await.unwrap().unwrap().messages
}

/// Returns to the test once.
async fn pause() {
    let mut is_paused = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut is_paused, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
