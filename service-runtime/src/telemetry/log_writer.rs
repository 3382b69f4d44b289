//! Where finished lines wait for the thread that writes them, so that whoever tells something pays for a copy and not
//! for a system call. Lines are written whole and in the order they came in, and none is dropped, since the audit log
//! is among them: when there are too many, whoever adds one writes them all and waits for it.

use std::{
    fmt,
    io::{self, Write},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

/// How long a line waits for others, at most.
const GATHERING: Duration = Duration::from_millis(10);
/// How many bytes are written at once, even if the first of them has just come.
const ENOUGH: usize = 64 * 1024;
/// How many bytes may wait; one line more per thread, strictly.
const MOST: usize = 4 * 1024 * 1024;
/// How many bytes of room are kept for the next lines.
const KEPT: usize = 4 * ENOUGH;
/// How long to wait for a reader who is behind, where the operating system does not wait by itself.
const READER_BEHIND: Duration = Duration::from_millis(1);

/// Takes lines and has them written by a thread of its own. Clones share it.
#[derive(Clone)]
pub struct LogWriter(Arc<Shared>);

struct Shared {
    waiting: Mutex<Waiting>,
    /// For the writing thread: the first line has come, or enough of them, or the end.
    wake: Condvar,
    /// Always locked before `waiting`, so that what was taken first is written first.
    sink: Mutex<Sink>,
}

struct Waiting {
    lines: Vec<u8>,
    /// Nobody writes in the background: whoever adds a line writes it.
    closed: bool,
}

struct Sink {
    to: Box<dyn Write + Send>,
    /// What is being written; empty otherwise, with its room kept.
    taken: Vec<u8>,
    /// The last line could not be written to its end.
    torn: bool,
}

impl fmt::Debug for LogWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outlet").finish_non_exhaustive()
    }
}

impl LogWriter {
    /// An outlet to `to`, which nobody else should write to. Without a thread, if there can be none.
    pub fn new(to: impl Write + Send + 'static) -> Self {
        let log_writer = Self(Arc::new(Shared {
            waiting: Mutex::new(Waiting { lines: Vec::new(), closed: false }),
            wake: Condvar::new(),
            sink: Mutex::new(Sink { to: Box::new(to), taken: Vec::new(), torn: false }),
        }));
        let background = log_writer.clone();
        if thread::Builder::new().name("log".to_owned()).spawn(move || background.write_on()).is_err() {
            log_writer.close();
        }
        log_writer
    }

    /// Adds a line, which ends in a line feed. It is written within 10 ms.
    pub fn write(&self, line: &[u8]) {
        let mut waiting = lock(&self.0.waiting);
        let before = waiting.lines.len();
        waiting.lines.extend_from_slice(line);
        let after = waiting.lines.len();
        let mine_to_write = waiting.closed || after > MOST;
        drop(waiting);
        if mine_to_write {
            self.flush();
        } else if before == 0 || (before < ENOUGH && after >= ENOUGH) {
            self.0.wake.notify_one();
        }
    }

    /// Adds a line; it and everything before it is written when this returns.
    pub fn write_now(&self, line: &[u8]) {
        lock(&self.0.waiting).lines.extend_from_slice(line);
        self.flush();
    }

    /// Everything that was added is written when this returns.
    pub fn flush(&self) {
        let mut sink = lock(&self.0.sink);
        let Sink { to, taken, torn } = &mut *sink;
        std::mem::swap(&mut lock(&self.0.waiting).lines, taken);
        // A log that cannot be written is no reason to stop serving, and there is nobody left to tell. What comes
        // next begins a line of its own.
        let result = if *torn {
            write_all(to, b"\n").and_then(|()| write_all(to, taken))
        } else {
            write_all(to, taken)
        };
        *torn = result.is_err();
        taken.clear();
        taken.shrink_to(KEPT);
    }

    /// Everything that was added is written when this returns, and every later line before its `write` returns.
    pub fn close(&self) {
        lock(&self.0.waiting).closed = true;
        self.0.wake.notify_one();
        self.flush();
    }

    /// The writing thread.
    fn write_on(&self) {
        loop {
            let waiting = lock(&self.0.waiting);
            let nothing = |waiting: &mut Waiting| waiting.lines.is_empty() && !waiting.closed;
            let waiting = self.0.wake.wait_while(waiting, nothing).unwrap_or_else(PoisonError::into_inner);
            let few = |waiting: &mut Waiting| waiting.lines.len() < ENOUGH && !waiting.closed;
            let (waiting, _) = self
                .0
                .wake
                .wait_timeout_while(waiting, GATHERING, few)
                .unwrap_or_else(PoisonError::into_inner);
            if waiting.closed {
                return;
            }
            drop(waiting);
            self.flush();
        }
    }
}

/// Whatever happens to a thread that holds a lock here, the lines are whole: they are added in one step.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// As `Write::write_all`, also to a pipe that its reader's program made non-blocking.
fn write_all(to: &mut impl Write, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match to.write(bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => thread::sleep(READER_BEHIND),
            Err(error) => return Err(error),
        }
    }
    to.flush()
}
