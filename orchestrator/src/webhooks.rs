//! Webhooks: reports to the servers of an account what happens in its conversations (contract, section 11; Standard
//! Webhooks). `conversations` writes events to the outbox; the sender leases them, and posts each until it is accepted.

pub mod address;
mod attempt;
mod body;
mod endpoint;
mod metrics;
mod sender;
pub mod signature;
pub mod signing_secrets;
pub mod target;

pub use self::{
    attempt::test_event,
    sender::{Sender, SenderConfig},
};
