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
pub(super) struct Home(UnboundedSender<Vec<Told>>);

thread_local! {
    static HERE: RefCell<Option<Home>> = const { RefCell::new(None) };
}

impl Home {
    /// That of this thread.
    pub(super) fn here() -> Self {
        let known = HERE.with_borrow(Clone::clone);
        // A runtime that has ended told nobody any more.
        known.filter(|home| !home.0.is_closed()).unwrap_or_else(|| {
            let home = Self::found();
            HERE.set(Some(home.clone()));
            home
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
pub(super) fn tell(answers: impl Iterator<Item = (Home, Told)>) {
    let mut homes: Vec<(Home, Vec<Told>)> = Vec::new();
    for (home, told) in answers {
        match homes.iter_mut().find(|(known, _)| known.0.same_channel(&home.0)) {
            Some((_, all)) => all.push(told),
            None => homes.push((home, vec![told])),
        }
    }
    for (Home(sender), all) in homes {
        // Its runtime may have ended.
        drop(sender.send(all));
    }
}
