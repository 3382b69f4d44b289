//! Returns the writer's replies to their callers. Waking a thread costs a system call, and one commit has many callers
//! on few threads: so each thread is woken once, by a task that dispatches its replies.

use std::cell::RefCell;

use tokio::sync::{
    mpsc::{self, UnboundedSender},
    oneshot,
};

use crate::{error::DatabaseError, statement::Outcome};

/// The outcomes of one request.
pub(super) type Answer = Result<Vec<Outcome>, DatabaseError>;

/// A reply and its channel.
type Reply = (oneshot::Sender<Answer>, Answer);

/// Sends replies to the task of a caller's runtime.
#[derive(Clone, Debug)]
pub(super) struct ReplyRouter(UnboundedSender<Vec<Reply>>);

thread_local! {
    static ROUTER: RefCell<Option<ReplyRouter>> = const { RefCell::new(None) };
}

impl ReplyRouter {
    /// The router of the current thread.
    pub(super) fn current() -> Self {
        let known = ROUTER.with_borrow(Clone::clone);
        // The task of a runtime that has ended no longer dispatches.
        known.filter(|reply_router| !reply_router.0.is_closed()).unwrap_or_else(|| {
            let reply_router = Self::spawn();
            ROUTER.set(Some(reply_router.clone()));
            reply_router
        })
    }

    fn spawn() -> Self {
        let (sender, mut incoming) = mpsc::unbounded_channel::<Vec<Reply>>();
        tokio::spawn(async move {
            while let Some(replies) = incoming.recv().await {
                for (channel, answer) in replies {
                    // The caller was cancelled; its reply is dropped.
                    drop(channel.send(answer));
                }
            }
        });
        Self(sender)
    }
}

/// Sends all replies, grouped by runtime.
pub(super) fn dispatch(replies: impl Iterator<Item = (ReplyRouter, Reply)>) {
    let mut routers: Vec<(ReplyRouter, Vec<Reply>)> = Vec::new();
    for (reply_router, reply) in replies {
        match routers.iter_mut().find(|(known, _)| known.0.same_channel(&reply_router.0)) {
            Some((_, all)) => all.push(reply),
            None => routers.push((reply_router, vec![reply])),
        }
    }
    for (ReplyRouter(sender), all) in routers {
        // The runtime may have ended.
        drop(sender.send(all));
    }
}
