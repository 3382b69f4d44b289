//! Log lines are written whole, completely and in time.

use std::{
    collections::HashMap,
    fs::File,
    io::{self, Write},
    sync::{
        Mutex,
        mpsc::{Receiver, Sender, channel},
    },
    thread,
    time::Duration,
};

use service_runtime::telemetry::{JsonLines, LogWriter};
use tracing::{Dispatch, dispatcher::with_default};
use tracing_subscriber::{layer::SubscriberExt, registry};

use crate::log::written::{Written, parsed};

fn dispatch_to(log_writer: &LogWriter) -> Dispatch {
    Dispatch::new(registry().with(JsonLines::new(log_writer.clone())))
}

#[test]
fn lines_of_many_threads_are_complete_and_not_interleaved() {
    const THREADS: u64 = 8;
    const LINES: u64 = 5_000;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let log_writer = LogWriter::new(File::create(&path).unwrap());
    let dispatch = dispatch_to(&log_writer);
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let dispatch = &dispatch;
            scope.spawn(move || {
                with_default(dispatch, || {
                    for line in 0..LINES {
                        // Some are written by the logging thread itself, among all others.
                        if line % 1_000 == 999 {
                            tracing::warn!(thread, line, "logged");
                        } else {
                            tracing::info!(thread, line, "logged");
                        }
                    }
                });
            });
        }
    });
    log_writer.flush();
    let mut next = HashMap::new();
    for line in parsed(&std::fs::read_to_string(&path).unwrap()) {
        let next: &mut u64 = next.entry(line["thread"].as_u64().unwrap()).or_default();
        assert_eq!(line["line"], *next, "a thread's lines keep their order");
        *next += 1;
    }
    assert_eq!(next, (0..THREADS).map(|thread| (thread, LINES)).collect());
}

#[test]
fn errors_are_flushed_before_the_call_returns() {
    let written = Written::default();
    with_default(&dispatch_to(&LogWriter::new(written.clone())), || {
        for round in 0..100 {
            tracing::info!("before");
            if round % 2 == 0 {
                tracing::error!("at once");
            } else {
                tracing::warn!("at once");
            }
            let messages: Vec<_> =
                parsed(&written.take()).into_iter().map(|line| line["message"].clone()).collect();
            assert_eq!(messages.last().unwrap(), "at once");
        }
    });
}

#[test]
fn dropping_the_guard_flushes_and_later_lines_are_synchronous() {
    let written = Written::default();
    let log_writer = LogWriter::new(written.clone());
    with_default(&dispatch_to(&log_writer), || {
        for _ in 0..1_000 {
            tracing::info!("before");
        }
        log_writer.close();
        assert_eq!(parsed(&written.take()).len(), 1_000);
        for _ in 0..1_000 {
            tracing::info!("after");
            assert_eq!(parsed(&written.take()).len(), 1);
        }
    });
}

/// A writer that reports the size of each write and blocks until it is released.
struct Gate {
    given: Sender<Vec<u8>>,
    open: Mutex<Receiver<()>>,
}

impl Write for Gate {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.given.send(bytes.to_vec()).unwrap();
        // The gate was dropped: nothing blocks any more.
        let _ = self.open.lock().unwrap().recv();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn gate() -> (Gate, Receiver<Vec<u8>>, Sender<()>) {
    let ((given, batches), (hold, open)) = (channel(), channel());
    (Gate { given, open: Mutex::new(open) }, batches, hold)
}

#[test]
fn lines_are_written_without_an_explicit_flush() {
    let (gate, batches, hold) = gate();
    let log_writer = LogWriter::new(gate);
    // The second one finds a thread that already waits.
    for line in [b"first\n", b"again\n"] {
        log_writer.write(line);
        assert_eq!(batches.recv_timeout(Duration::from_secs(10)).unwrap(), line);
        hold.send(()).unwrap();
        log_writer.flush();
    }
}

#[test]
fn a_slow_writer_blocks_and_loses_no_line() {
    const LINE: usize = 1_000;
    const LINES: usize = 12_000;
    const MOST: usize = 4 * 1024 * 1024;
    let (gate, batches, hold) = gate();
    let log_writer = LogWriter::new(gate);
    log_writer.write(b"first\n");
    assert_eq!(batches.recv().unwrap(), b"first\n");
    let (done, finished) = channel();
    let logger = thread::spawn({
        let log_writer = log_writer.clone();
        move || {
            for _ in 0..LINES {
                log_writer.write(&[b'x'; LINE]);
            }
            done.send(()).unwrap();
        }
    });
    assert!(
        finished.recv_timeout(Duration::from_millis(300)).is_err(),
        "12 MB were accepted without blocking"
    );
    drop(hold);
    logger.join().unwrap();
    log_writer.flush();
    drop(log_writer);
    let sizes: Vec<usize> = batches.try_iter().map(|batch| batch.len()).collect();
    assert!(sizes.iter().all(|size| *size <= MOST + LINE), "{sizes:?}");
    assert_eq!(sizes.iter().sum::<usize>(), LINE * LINES);
}

/// A slow pipe that takes a little at a time.
struct Slow(Written, u32);

impl Write for Slow {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.1 += 1;
        match self.1 % 3 {
            0 => Err(io::ErrorKind::WouldBlock.into()),
            1 => Err(io::ErrorKind::Interrupted.into()),
            _ => self.0.write(&bytes[..bytes.len().min(7)]),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn lines_are_not_split_by_a_slow_reader() {
    let written = Written::default();
    let log_writer = LogWriter::new(Slow(written.clone(), 0));
    log_writer.write(b"one line that is longer than seven bytes\n");
    log_writer.write_now(b"and another\n");
    assert_eq!(written.text(), "one line that is longer than seven bytes\nand another\n");
}

/// A disk that is full once, in the middle of a line.
struct FullOnce(Written, u32);

impl Write for FullOnce {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.1 += 1;
        match self.1 {
            1 => self.0.write(&bytes[..4]),
            2 => Err(io::ErrorKind::StorageFull.into()),
            _ => self.0.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_truncated_line_does_not_corrupt_the_next() {
    let written = Written::default();
    let log_writer = LogWriter::new(FullOnce(written.clone(), 0));
    log_writer.write_now(b"lost for want of room\n");
    log_writer.write_now(b"whole\n");
    log_writer.write_now(b"whole\n");
    assert_eq!(written.text(), "lost\nwhole\nwhole\n");
}
