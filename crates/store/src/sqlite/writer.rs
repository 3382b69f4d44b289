//! The one who writes: a thread with the only connection that does, to which all of this process's transactions come.
//! SQLite has one writer at a time; several would poll for each other's locks, and the unlucky ones time out. What takes
//! its time is the commit, which waits for the disk. So those who come meanwhile gather, and go together in the next:
//! each caller's statements as a whole that succeeds or fails for itself, and one commit for them all.

use std::{io, sync::mpsc, thread};

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::{
    connection::outcome,
    reply_router::{self, ReplyRouter},
};
use crate::{
    error::DatabaseError,
    limits::TOGETHER,
    statement::{Outcome, Statement},
};

pub(super) type Answer = Result<Vec<Outcome>, DatabaseError>;

/// The way to the writer. Cheap to clone; the writer ends with the last of them, or when it is closed.
#[derive(Clone, Debug)]
pub(super) struct Writer(mpsc::Sender<Message>);

#[derive(Debug)]
enum Message {
    Write(Request),
    /// Answered when the connection is closed.
    Close(oneshot::Sender<()>),
}

#[derive(Debug)]
struct Request {
    statements: Vec<Statement>,
    reply: oneshot::Sender<Answer>,
    reply_router: ReplyRouter,
}

impl Writer {
    /// A writer that has nothing to do.
    pub(super) fn start(connection: Connection) -> io::Result<Self> {
        let (sender, receiver) = mpsc::channel();
        thread::Builder::new()
            .name("sqlite-writer".to_owned())
            .spawn(move || serve(connection, &receiver))?;
        Ok(Self(sender))
    }

    /// Has statements run in one transaction, and returns when it is safe. A caller who goes away before its turn takes
    /// it with him; from then on it is done all the same.
    pub(super) async fn write(&self, statements: Vec<Statement>) -> Answer {
        let (reply, answer) = oneshot::channel();
        self.0
            .send(Message::Write(Request { statements, reply, reply_router: ReplyRouter::here() }))
            .map_err(|_| DatabaseError::Closed)?;
        answer.await.unwrap_or(Err(DatabaseError::Closed))
    }

    /// Returns when the writer has done what it was asked before, and has closed its connection.
    pub(super) async fn close(&self) {
        let (reply, closed) = oneshot::channel();
        if self.0.send(Message::Close(reply)).is_ok() {
            // Without an answer if someone else has closed it meanwhile.
            let _ = closed.await;
        }
    }
}

fn serve(connection: Connection, arriving: &mpsc::Receiver<Message>) {
    let mut asks = Vec::with_capacity(TOGETHER);
    let mut closing = None;
    while closing.is_none() {
        match arriving.recv() {
            Ok(Message::Write(ask)) => asks.push(ask),
            Ok(Message::Close(reply)) => closing = Some(reply),
            Err(mpsc::RecvError) => return,
        }
        if asks.is_empty() {
            continue;
        }
        // It may wait for another process; who comes until then goes along.
        let begun = run(&connection, "BEGIN IMMEDIATE");
        while asks.len() < TOGETHER && closing.is_none() {
            match arriving.try_recv() {
                Ok(Message::Write(ask)) => asks.push(ask),
                Ok(Message::Close(reply)) => closing = Some(reply),
                Err(_) => break,
            }
        }
        asks.retain(|ask| !ask.reply.is_closed());
        let committed = begun.and_then(|()| together(&connection, &asks));
        let answers = committed.unwrap_or_else(|error| asks.iter().map(|_| Err(error.clone())).collect());
        reply_router::tell(
            asks.drain(..).zip(answers).map(|(ask, answer)| (ask.reply_router, (ask.reply, answer))),
        );
    }
    drop(connection);
    if let Some(reply) = closing {
        let _ = reply.send(());
    }
}

/// Does what each asks, in the transaction that has begun, and commits it. An error is that of them all: nothing was
/// done for anybody.
fn together(connection: &Connection, asks: &[Request]) -> Result<Vec<Answer>, DatabaseError> {
    let committed = || {
        let answers = asks.iter().map(|ask| alone(connection, &ask.statements)).collect::<Result<_, _>>()?;
        run(connection, "COMMIT")?;
        Ok(answers)
    };
    committed().inspect_err(|_| {
        // Some errors, as that of a full disk, have done so already.
        if !connection.is_autocommit() {
            drop(run(connection, "ROLLBACK"));
        }
    })
}

/// Does what one asks. The error inside is his own, and leaves nothing behind; the one outside has ended the transaction.
fn alone(connection: &Connection, statements: &[Statement]) -> Result<Answer, DatabaseError> {
    // A single statement that fails undoes itself.
    let is_several = statements.len() > 1;
    if is_several {
        run(connection, "SAVEPOINT ask")?;
    }
    let answer = all(connection, statements);
    if connection.is_autocommit() {
        return answer.map(Ok);
    }
    if is_several {
        if answer.is_err() {
            run(connection, "ROLLBACK TO ask")?;
        }
        run(connection, "RELEASE ask")?;
    }
    Ok(answer)
}

fn all(connection: &Connection, statements: &[Statement]) -> Answer {
    let mut outcomes: Vec<Outcome> = Vec::with_capacity(statements.len());
    for statement in statements {
        let should_run = statement.should_run(outcomes.last());
        outcomes.push(if should_run { outcome(connection, statement)? } else { Outcome::default() });
    }
    Ok(outcomes)
}

fn run(connection: &Connection, statement: &str) -> Result<(), DatabaseError> {
    connection.prepare_cached(statement)?.raw_execute()?;
    Ok(())
}

#[cfg(test)]
mod tests;
