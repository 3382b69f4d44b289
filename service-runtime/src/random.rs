//! Randomness, as an argument: ids and names are made of bytes that the caller draws here.

use std::cell::RefCell;

use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroize;

/// How many bytes a thread takes from the operating system at once: a request draws a dozen times, and each call costs more
/// than what it brings.
const AT_ONCE: usize = 512;

/// The operating system's random number generator.
#[derive(Clone, Debug)]
pub struct Random(SystemRandom);

impl Default for Random {
    fn default() -> Self {
        Self(SystemRandom::new())
    }
}

impl Random {
    /// `N` random bytes. No byte is handed out twice, and none stays behind once it has been.
    ///
    /// # Panics
    /// If the operating system has none to give: nothing that a token service does would be safe then.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        if N > AT_ONCE {
            self.fill(&mut bytes);
        } else {
            DRAWN.with_borrow_mut(|drawn| drawn.take(self, &mut bytes));
        }
        bytes
    }

    /// 128 random bits.
    pub fn u128(&self) -> u128 {
        u128::from_be_bytes(self.bytes())
    }

    /// The generator itself, for what signs or makes keys.
    pub fn source(&self) -> &dyn SecureRandom {
        &self.0
    }

    fn fill(&self, bytes: &mut [u8]) {
        assert!(self.0.fill(bytes).is_ok(), "the operating system gives no randomness");
    }
}

thread_local! {
    static DRAWN: RefCell<Drawn> = const { RefCell::new(Drawn { bytes: [0; AT_ONCE], left: 0 }) };
}

/// What a thread has drawn and not yet handed out: the first `left` bytes.
struct Drawn {
    bytes: [u8; AT_ONCE],
    left: usize,
}

impl Drawn {
    fn take(&mut self, random: &Random, into: &mut [u8]) {
        if self.left < into.len() {
            random.fill(&mut self.bytes);
            self.left = AT_ONCE;
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
    fn nothing_is_drawn_twice_on_any_thread() {
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
    fn what_was_handed_out_does_not_stay() {
        let random = Random::default();
        let taken = random.bytes::<32>();
        DRAWN.with_borrow(|drawn| assert!(!drawn.bytes.windows(32).any(|window| window == taken)));
    }
}
