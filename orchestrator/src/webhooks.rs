//! Webhooks: tells the servers of an account what happens in its conversations (contract, section 11; Standard Webhooks).

pub mod address;
pub mod signature;
