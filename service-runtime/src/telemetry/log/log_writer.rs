//! Buffered log output. Logging costs a copy instead of a system call; a background thread writes. Lines are written
//! whole and in order, and none is dropped, since the audit log is among them: when the buffer is full, the logging
//! thread flushes it itself.

use std::{
    fmt,
    io::{self, Write},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

/// Maximum delay of a line.
const MAX_DELAY: Duration = Duration::from_millis(10);
/// Buffered bytes that trigger a write before the delay.
const FLUSH_BYTES: usize = 64 * 1024;
/// Maximum buffered bytes, plus one line per thread.
const MAX_BUFFERED: usize = 4 * 1024 * 1024;
/// Retained buffer capacity.
const RETAINED: usize = 4 * FLUSH_BYTES;
/// Retry interval if a non-blocking output is full.
const RETRY_INTERVAL: Duration = Duration::from_millis(1);

/// Buffers lines and writes them on a background thread. Clones share the buffer.
#[derive(Clone)]
pub struct LogWriter(Arc<Shared>);

struct Shared {
    waiting: Mutex<Waiting>,
    /// Wakes the background thread: first line, enough bytes, or the end.
    wake: Condvar,
    /// Locked before `waiting`, so that lines are written in order.
    sink: Mutex<Sink>,
}

struct Waiting {
    lines: Vec<u8>,
    /// The background thread has ended; lines are written synchronously.
    closed: bool,
}

struct Sink {
    to: Box<dyn Write + Send>,
    /// The bytes being written; empty otherwise, with its capacity retained.
    taken: Vec<u8>,
    /// The last line was written only in part.
    torn: bool,
}

impl fmt::Debug for LogWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogWriter").finish_non_exhaustive()
    }
}

impl LogWriter {
    /// Writes to `to`, which must have no other writer. Writes synchronously if no thread can be started.
    pub fn new(to: impl Write + Send + 'static) -> Self {
        let log_writer = Self(Arc::new(Shared {
            waiting: Mutex::new(Waiting { lines: Vec::new(), closed: false }),
            wake: Condvar::new(),
            sink: Mutex::new(Sink { to: Box::new(to), taken: Vec::new(), torn: false }),
        }));
        let background = log_writer.clone();
        if thread::Builder::new().name("log".to_owned()).spawn(move || background.run()).is_err() {
            log_writer.close();
        }
        log_writer
    }

    /// Adds a line, which ends in a line feed. Written within 10 ms.
    pub fn write(&self, line: &[u8]) {
        let mut waiting = lock(&self.0.waiting);
        let before = waiting.lines.len();
        waiting.lines.extend_from_slice(line);
        let after = waiting.lines.len();
        let must_flush = waiting.closed || after > MAX_BUFFERED;
        drop(waiting);
        if must_flush {
            self.flush();
        } else if before == 0 || (before < FLUSH_BYTES && after >= FLUSH_BYTES) {
            self.0.wake.notify_one();
        }
    }

    /// Adds a line; returns when it and everything before it is written.
    pub fn write_now(&self, line: &[u8]) {
        lock(&self.0.waiting).lines.extend_from_slice(line);
        self.flush();
    }

    /// Returns when everything added so far is written.
    pub fn flush(&self) {
        let mut sink = lock(&self.0.sink);
        let Sink { to, taken, torn } = &mut *sink;
        std::mem::swap(&mut lock(&self.0.waiting).lines, taken);
        // A log that cannot be written must not stop the service, and the failure cannot be logged. The next write
        // starts a new line.
        let result = if *torn {
            write_all(to, b"\n").and_then(|()| write_all(to, taken))
        } else {
            write_all(to, taken)
        };
        *torn = result.is_err();
        taken.clear();
        taken.shrink_to(RETAINED);
    }

    /// Flushes, and makes later writes synchronous.
    pub fn close(&self) {
        lock(&self.0.waiting).closed = true;
        self.0.wake.notify_one();
        self.flush();
    }

    /// The background thread.
    fn run(&self) {
        loop {
            let waiting = lock(&self.0.waiting);
            let is_idle = |waiting: &mut Waiting| waiting.lines.is_empty() && !waiting.closed;
            let waiting = self.0.wake.wait_while(waiting, is_idle).unwrap_or_else(PoisonError::into_inner);
            let is_waiting = |waiting: &mut Waiting| waiting.lines.len() < FLUSH_BYTES && !waiting.closed;
            let (waiting, _) = self
                .0
                .wake
                .wait_timeout_while(waiting, MAX_DELAY, is_waiting)
                .unwrap_or_else(PoisonError::into_inner);
            if waiting.closed {
                return;
            }
            drop(waiting);
            self.flush();
        }
    }
}

/// Ignores poisoning: lines are added in one step, so the buffer is consistent after a panic.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// As `Write::write_all`, also for a pipe that its reader made non-blocking.
fn write_all(to: &mut impl Write, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match to.write(bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => thread::sleep(RETRY_INTERVAL),
            Err(error) => return Err(error),
        }
    }
    to.flush()
}
