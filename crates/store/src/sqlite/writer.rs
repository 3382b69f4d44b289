//! The writer: a thread with the only writing connection, shared by all of this process's transactions. SQLite has one
//! writer at a time; several connections would poll for the lock, and unlucky ones time out. Group commit: what takes
//! time is the commit, which waits for the disk, so requests that arrive meanwhile share the next one. Each request's
//! statements succeed or fail as a unit.

use std::{io, sync::mpsc, thread};

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::{
    connection::outcome,
    open_files::OpenFiles,
    reply_router::{self, Answer, ReplyRouter},
};
use crate::{
    error::DatabaseError,
    limits::MAX_BATCH_SIZE,
    statement::{Outcome, Statement},
};

/// Sends requests to the writer. Cheap to clone; the writer ends with the last clone, or when it is closed.
#[derive(Clone, Debug)]
pub(super) struct Writer(mpsc::Sender<Command>);

#[derive(Debug)]
enum Command {
    Write(Request),
    /// Replied to with whether the write-ahead log is empty.
    Checkpoint(oneshot::Sender<Result<bool, DatabaseError>>),
    /// Replied to when the connection is closed.
    Close(oneshot::Sender<()>),
}

#[derive(Debug)]
struct Request {
    statements: Vec<Statement>,
    reply: oneshot::Sender<Answer>,
    reply_router: ReplyRouter,
}

impl Writer {
    /// Starts the writer thread.
    pub(super) fn start(connection: Connection, files: OpenFiles) -> io::Result<Self> {
        let (sender, receiver) = mpsc::channel();
        thread::Builder::new()
            .name("sqlite-writer".to_owned())
            .spawn(move || serve(connection, &files, &receiver))?;
        Ok(Self(sender))
    }

    /// Runs statements in one transaction; returns when they are durable. If the caller is cancelled before its batch
    /// starts, they are not run; afterwards they run regardless.
    pub(super) async fn write(&self, statements: Vec<Statement>) -> Answer {
        let (reply, answer) = oneshot::channel();
        self.0
            .send(Command::Write(Request { statements, reply, reply_router: ReplyRouter::current() }))
            .map_err(|_| DatabaseError::Closed)?;
        answer.await.unwrap_or(Err(DatabaseError::Closed))
    }

    /// Copies the write-ahead log into the database and truncates it, after earlier requests. `false` if another
    /// connection still reads from it.
    pub(super) async fn checkpoint(&self) -> Result<bool, DatabaseError> {
        let (reply, answer) = oneshot::channel();
        self.0.send(Command::Checkpoint(reply)).map_err(|_| DatabaseError::Closed)?;
        answer.await.unwrap_or(Err(DatabaseError::Closed))
    }

    /// Returns when earlier requests are done and the connection is closed.
    pub(super) async fn close(&self) {
        let (reply, closed) = oneshot::channel();
        if self.0.send(Command::Close(reply)).is_ok() {
            // An error if another clone has closed it meanwhile.
            let _ = closed.await;
        }
    }
}

fn serve(connection: Connection, files: &OpenFiles, incoming: &mpsc::Receiver<Command>) {
    let mut requests = Vec::with_capacity(MAX_BATCH_SIZE);
    let mut checkpoints: Vec<oneshot::Sender<_>> = Vec::new();
    let mut closing = None;
    while closing.is_none() {
        match incoming.recv() {
            Ok(Command::Write(request)) => requests.push(request),
            Ok(Command::Checkpoint(reply)) => checkpoints.push(reply),
            Ok(Command::Close(reply)) => closing = Some(reply),
            Err(mpsc::RecvError) => return,
        }
        if requests.is_empty() {
            answer_checkpoints(&connection, &mut checkpoints);
            continue;
        }
        // May wait for another process; requests that arrive meanwhile join the batch.
        let begun = files.check().and_then(|()| run(&connection, "BEGIN IMMEDIATE"));
        while requests.len() < MAX_BATCH_SIZE && closing.is_none() {
            match incoming.try_recv() {
                Ok(Command::Write(request)) => requests.push(request),
                Ok(Command::Checkpoint(reply)) => checkpoints.push(reply),
                Ok(Command::Close(reply)) => closing = Some(reply),
                Err(_) => break,
            }
        }
        requests.retain(|request| !request.reply.is_closed());
        let committed = begun.and_then(|()| run_batch(&connection, &requests));
        let answers = committed.unwrap_or_else(|error| requests.iter().map(|_| Err(error.clone())).collect());
        reply_router::dispatch(
            requests
                .drain(..)
                .zip(answers)
                .map(|(request, answer)| (request.reply_router, (request.reply, answer))),
        );
        answer_checkpoints(&connection, &mut checkpoints);
    }
    drop(connection);
    if let Some(reply) = closing {
        let _ = reply.send(());
    }
}

/// Runs one checkpoint for all that asked for one.
fn answer_checkpoints(
    connection: &Connection,
    replies: &mut Vec<oneshot::Sender<Result<bool, DatabaseError>>>,
) {
    if replies.is_empty() {
        return;
    }
    let is_busy = |row: &rusqlite::Row<'_>| row.get::<_, i64>(0);
    let outcome = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], is_busy);
    let outcome = outcome.map(|busy| busy == 0).map_err(DatabaseError::from);
    for reply in replies.drain(..) {
        // An error if the caller was cancelled.
        let _ = reply.send(outcome.clone());
    }
}

/// Runs a batch in the open transaction and commits. An error applies to all requests: nothing was written.
fn run_batch(connection: &Connection, requests: &[Request]) -> Result<Vec<Answer>, DatabaseError> {
    let committed = || {
        let answers = requests
            .iter()
            .map(|request| run_one(connection, &request.statements))
            .collect::<Result<_, _>>()?;
        run(connection, "COMMIT")?;
        Ok(answers)
    };
    committed().inspect_err(|_| {
        // Some errors, such as a full disk, roll back by themselves.
        if !connection.is_autocommit() {
            drop(run(connection, "ROLLBACK"));
        }
    })
}

/// Runs one request. The inner error is the request's own and leaves nothing behind; the outer one has ended the
/// transaction.
fn run_one(connection: &Connection, statements: &[Statement]) -> Result<Answer, DatabaseError> {
    // A single failed statement needs no savepoint.
    let is_several = statements.len() > 1;
    if is_several {
        run(connection, "SAVEPOINT request")?;
    }
    let answer = run_statements(connection, statements);
    if connection.is_autocommit() {
        return answer.map(Ok);
    }
    if is_several {
        if answer.is_err() {
            run(connection, "ROLLBACK TO request")?;
        }
        run(connection, "RELEASE request")?;
    }
    Ok(answer)
}

fn run_statements(connection: &Connection, statements: &[Statement]) -> Answer {
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
