//! Subcommands of the binary, besides serving.

pub mod accounts;
pub mod explain_fingerprint;
pub mod guests;
pub mod migrate;
pub mod webhooks;
