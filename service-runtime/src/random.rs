//! Randomness, as an argument: ids and names are made of bytes that the caller draws here.

use ring::rand::{SecureRandom, SystemRandom};

/// The operating system's random number generator.
#[derive(Clone, Debug)]
pub struct Random(SystemRandom);

impl Default for Random {
    fn default() -> Self {
        Self(SystemRandom::new())
    }
}

impl Random {
    /// `N` random bytes.
    ///
    /// # Panics
    /// If the operating system has none to give: nothing that a token service does would be safe then.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        assert!(self.0.fill(&mut bytes).is_ok(), "the operating system gives no randomness");
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
}
