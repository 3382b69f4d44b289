//! Random bytes, passed as an argument.

use std::cell::RefCell;

use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroize;

/// Bytes buffered per thread: a request needs a dozen small values, and a system call for each costs more than the
/// bytes.
const BUFFER_SIZE: usize = 512;

/// The operating system's random number generator, buffered per thread.
#[derive(Clone, Debug)]
pub struct Random(SystemRandom);

impl Default for Random {
    fn default() -> Self {
        Self(SystemRandom::new())
    }
}

impl Random {
    /// `N` random bytes. Bytes are returned once and erased from the buffer.
    ///
    /// # Panics
    /// If the operating system returns none: no token would be safe then.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        if N > BUFFER_SIZE {
            self.fill(&mut bytes);
        } else {
            BUFFER.with_borrow_mut(|buffer| buffer.take(self, &mut bytes));
        }
        bytes
    }

    /// 128 random bits.
    pub fn u128(&self) -> u128 {
        u128::from_be_bytes(self.bytes())
    }

    /// The underlying generator, for ring's key generation and signatures.
    pub fn source(&self) -> &dyn SecureRandom {
        &self.0
    }

    fn fill(&self, bytes: &mut [u8]) {
        assert!(self.0.fill(bytes).is_ok(), "the operating system returned no random bytes");
    }
}

thread_local! {
    static BUFFER: RefCell<Buffer> = const { RefCell::new(Buffer { bytes: [0; BUFFER_SIZE], left: 0 }) };
}

/// A thread's buffer; the first `left` bytes are unused.
struct Buffer {
    bytes: [u8; BUFFER_SIZE],
    left: usize,
}

impl Buffer {
    fn take(&mut self, random: &Random, into: &mut [u8]) {
        if self.left < into.len() {
            random.fill(&mut self.bytes);
            self.left = BUFFER_SIZE;
        }
        let rest = self.left - into.len();
        if let Some(taken) = self.bytes.get_mut(rest..self.left) {
            into.copy_from_slice(taken);
            taken.zeroize();
        }
        self.left = rest;
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::HashSet, thread};

    use super::*;

    #[test]
    fn no_bytes_are_returned_twice_on_any_thread() {
        let draw = || {
            let random = Random::default();
            let ids = (0..1000).map(|_| random.bytes::<16>());
            let more = (0..1000).map(|_| random.bytes::<24>().first_chunk().copied().unwrap());
            ids.chain(more).collect::<Vec<[u8; 16]>>()
        };
        let threads: Vec<_> = (0..4).map(|_| thread::spawn(draw)).collect();
        let all: Vec<_> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
        assert_ne!(Random::default().bytes::<600>(), [0; 600]);
    }

    #[test]
    fn returned_bytes_are_erased_from_the_buffer() {
        let random = Random::default();
        let taken = random.bytes::<32>();
        BUFFER.with_borrow(|buffer| assert!(!buffer.bytes.windows(32).any(|window| window == taken)));
    }
}
