//! How the writer's answers get back. To wake another thread takes a call of the operating system, and one commit answers
//! many callers of few threads: so each thread is woken once, and tells its own.

use std::cell::RefCell;

use tokio::sync::{
    mpsc::{self, UnboundedSender},
    oneshot,
};

use super::writer::Answer;

/// An answer, and the one who waits for it.
type Told = (oneshot::Sender<Answer>, Answer);

/// The way back to a caller's thread, or rather to its runtime.
#[derive(Clone, Debug)]
pub(super) struct ReplyRouter(UnboundedSender<Vec<Told>>);

thread_local! {
    static HERE: RefCell<Option<ReplyRouter>> = const { RefCell::new(None) };
}

impl ReplyRouter {
    /// That of this thread.
    pub(super) fn here() -> Self {
        let known = HERE.with_borrow(Clone::clone);
        // A runtime that has ended told nobody any more.
        known.filter(|reply_router| !reply_router.0.is_closed()).unwrap_or_else(|| {
            let reply_router = Self::found();
            HERE.set(Some(reply_router.clone()));
            reply_router
        })
    }

    fn found() -> Self {
        let (sender, mut arriving) = mpsc::unbounded_channel::<Vec<Told>>();
        tokio::spawn(async move {
            while let Some(answers) = arriving.recv().await {
                for (waiting, answer) in answers {
                    // Who went away meanwhile does not hear it.
                    drop(waiting.send(answer));
                }
            }
        });
        Self(sender)
    }
}

/// Sends all answers home.
pub(super) fn tell(answers: impl Iterator<Item = (ReplyRouter, Told)>) {
    let mut homes: Vec<(ReplyRouter, Vec<Told>)> = Vec::new();
    for (reply_router, told) in answers {
        match homes.iter_mut().find(|(known, _)| known.0.same_channel(&reply_router.0)) {
            Some((_, all)) => all.push(told),
            None => homes.push((reply_router, vec![told])),
        }
    }
    for (ReplyRouter(sender), all) in homes {
        // Its runtime may have ended.
        drop(sender.send(all));
    }
}
