//! An event as one line of JSON, byte for byte as `tracing_subscriber`'s JSON format with flattened fields has it
//! (a test compares the two), at a fraction of its price: nothing is allocated and nothing is locked while a line is
//! made. Spans are not told; no service here enters any.

use std::{
    cell::Cell,
    fmt::{self, Write as _},
};

use serde::Serialize;
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
};
use tracing_log::NormalizeEvent;
use tracing_subscriber::{Layer, layer::Context};

use super::log_writer::LogWriter;
use crate::Clock;

/// Makes lines of events. An event of level `WARN` or `ERROR` is written, with everything before it, when the call that
/// told it returns.
#[derive(Clone, Debug)]
pub struct JsonLines {
    log_writer: LogWriter,
}

impl JsonLines {
    /// Lines that go to `log_writer`.
    pub fn new(log_writer: LogWriter) -> Self {
        Self { log_writer }
    }
}

impl<S: Subscriber> Layer<S> for JsonLines {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        // What the crate `log` told says its target in a field.
        let normalized = event.normalized_metadata();
        let metadata = normalized.as_ref().unwrap_or_else(|| event.metadata());
        // A value that tells something itself while it is written, or a thread that is ending, finds no line to reuse.
        let mut line = LINE.try_with(Cell::take).unwrap_or_default();
        line.begin();
        line.entry("level", metadata.level().as_str());
        event.record(&mut line);
        line.entry("target", metadata.target());
        line.bytes.extend_from_slice(b"}\n");
        if *metadata.level() <= Level::WARN {
            self.log_writer.write_now(&line.bytes);
        } else {
            self.log_writer.write(&line.bytes);
        }
        if line.bytes.capacity() <= KEPT {
            let _ = LINE.try_with(|kept| kept.set(line));
        }
    }
}

thread_local! {
    static LINE: Cell<Line> = const { Cell::new(Line { bytes: Vec::new(), second: None }) };
}

/// How many bytes a thread keeps for its next line. The services' own lines have some 400.
const KEPT: usize = 16 * 1024;

/// How every line begins; the time up to the second follows, which stays for as long as the second lasts.
const START: &[u8] = b"{\"timestamp\":\"";
/// `2026-11-21T02:14:40.`
const TO_THE_SECOND: usize = 20;

/// The line that a thread made last, or is making.
#[derive(Default)]
struct Line {
    bytes: Vec<u8>,
    /// Of the time that `bytes` begin with.
    second: Option<i64>,
}

impl Line {
    /// The time: RFC 3339, UTC, nine digits of the second.
    fn begin(&mut self) {
        let now = Clock::system().now();
        if self.second == Some(now.timestamp()) {
            self.bytes.truncate(START.len() + TO_THE_SECOND);
        } else {
            self.second = Some(now.timestamp());
            self.bytes.clear();
            self.bytes.extend_from_slice(START);
            // Writing to a Vec does not fail.
            let _ = write!(Plain(&mut self.bytes), "{}", now.format("%Y-%m-%dT%H:%M:%S."));
        }
        let mut digits = *b"000000000+00:00\"";
        let mut rest = now.timestamp_subsec_nanos();
        for digit in digits.iter_mut().take(9).rev() {
            *digit += (rest % 10) as u8;
            rest /= 10;
        }
        self.bytes.extend_from_slice(&digits);
    }

    fn entry(&mut self, key: &str, value: &str) {
        self.key(key);
        self.bytes.push(b'"');
        escape(&mut self.bytes, value);
        self.bytes.push(b'"');
    }

    fn key(&mut self, key: &str) {
        self.bytes.extend_from_slice(b",\"");
        escape(&mut self.bytes, key);
        self.bytes.extend_from_slice(b"\":");
    }

    /// Numbers and booleans, in serde_json's words: `null` for a number that JSON does not have.
    fn plain(&mut self, key: &str, value: impl Serialize) {
        self.key(key);
        // Neither a Vec nor such a value can fail.
        let _ = serde_json::to_writer(&mut self.bytes, &value);
    }
}

impl Visit for Line {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.plain(field.name(), value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.plain(field.name(), value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.plain(field.name(), value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.plain(field.name(), value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.entry(field.name(), value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.key(field.name());
        self.bytes.push(b'"');
        // A value that fails to write itself leaves what it wrote until then.
        let _ = write!(Escaped(&mut self.bytes), "{value:?}");
        self.bytes.push(b'"');
    }
}

struct Plain<'a>(&'a mut Vec<u8>);

impl fmt::Write for Plain<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

struct Escaped<'a>(&'a mut Vec<u8>);

impl fmt::Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        escape(self.0, text);
        Ok(())
    }

    /// Such as the zeros before a number.
    fn write_char(&mut self, one: char) -> fmt::Result {
        match one {
            '0'..='9' | 'A'..='Z' | 'a'..='z' | ' ' => self.0.push(one as u8),
            other => escape(self.0, other.encode_utf8(&mut [0; 4])),
        }
        Ok(())
    }
}

/// RFC 8259 section 7, without the quotation marks around.
fn escape(bytes: &mut Vec<u8>, text: &str) {
    if !any_special(text.as_bytes()) {
        bytes.extend_from_slice(text.as_bytes());
        return;
    }
    for byte in text.bytes() {
        let short = match byte {
            b'"' | b'\\' => byte,
            0x08 => b'b',
            0x09 => b't',
            0x0A => b'n',
            0x0C => b'f',
            0x0D => b'r',
            0x00..0x20 => {
                let _ = write!(Plain(bytes), "\\u{byte:04x}");
                continue;
            }
            plain => {
                bytes.push(plain);
                continue;
            }
        };
        bytes.extend_from_slice(&[b'\\', short]);
    }
}

/// Whether any byte is below 0x20, a quotation mark or a backslash: eight bytes in one step.
fn any_special(text: &[u8]) -> bool {
    let (words, _) = text.as_chunks::<8>();
    // Some of the last one's bytes were in a word already; the two halves of a short text overlap as well.
    if let Some(last) = text.last_chunk::<8>() {
        words.iter().chain([last]).any(|word| special(u64::from_ne_bytes(*word)))
    } else if let (Some(first), Some(last)) = (text.first_chunk::<4>(), text.last_chunk::<4>()) {
        special(u64::from(u32::from_ne_bytes(*first)) << 32 | u64::from(u32::from_ne_bytes(*last)))
    } else {
        text.iter().any(|byte| special(u64::from(*byte) * (u64::MAX / 0xFF)))
    }
}

/// The same of the eight bytes of a word. A byte below `n`, at most 128, borrows into its highest bit when `n` is taken
/// from it and had not set it before; a byte that equals another is 0 once the two are exclusively or-ed.
const fn special(word: u64) -> bool {
    const ONES: u64 = u64::MAX / 0xFF;
    const fn below(word: u64, n: u64) -> u64 {
        word.wrapping_sub(ONES * n) & !word
    }
    let quote = below(word ^ (ONES * b'"' as u64), 1);
    let backslash = below(word ^ (ONES * b'\\' as u64), 1);
    (below(word, 0x20) | quote | backslash) & (ONES << 7) != 0
}
