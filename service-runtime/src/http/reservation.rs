//! Memory reservations of responses.

use std::fmt;

/// Memory reserved for a response, released on drop.
pub trait Reservation: fmt::Debug {
    /// Adjusts the reservation to the response's actual size.
    fn resize(&mut self, bytes: usize);
}
