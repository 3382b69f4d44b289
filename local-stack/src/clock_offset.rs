//! How far the demo's clock is ahead of the system clock, kept in a file. Without it a restart would set the clock back:
//! tokens issued meanwhile would not be valid yet, and their chats would end.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use chrono::TimeDelta;
use service_runtime::Clock;

use crate::secrets::of_path;

/// The file in the data folder: whole seconds, in decimal digits.
const FILE: &str = "clock-ahead.seconds";

/// Advances a clock, and remembers by how much.
pub struct ClockOffset {
    clock: Clock,
    path: PathBuf,
    seconds: Mutex<u32>,
}

impl ClockOffset {
    /// Advances the adjustable `clock`, which shows the system time, by the offset in the folder `data`.
    pub fn restore(data: &Path, clock: &Clock) -> io::Result<Self> {
        let path = data.join(FILE);
        let seconds: u32 = match fs::read_to_string(&path) {
            Ok(text) => text.trim().parse().map_err(|_| {
                of_path(&path, io::Error::new(io::ErrorKind::InvalidData, "expected a number of seconds"))
            })?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(error) => return Err(of_path(&path, error)),
        };
        clock.advance(TimeDelta::seconds(seconds.into()));
        Ok(Self { clock: clock.clone(), path, seconds: Mutex::new(seconds) })
    }

    /// The advanced clock.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The offset, in seconds.
    pub fn seconds(&self) -> u32 {
        *self.seconds.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes the new offset, then advances the clock.
    pub fn advance(&self, by: u32) -> io::Result<()> {
        let mut seconds = self.seconds.lock().unwrap_or_else(PoisonError::into_inner);
        let ahead = seconds.saturating_add(by);
        fs::write(&self.path, ahead.to_string()).map_err(|error| of_path(&self.path, error))?;
        self.clock.advance(TimeDelta::seconds((ahead - *seconds).into()));
        *seconds = ahead;
        Ok(())
    }
}
