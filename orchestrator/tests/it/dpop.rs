//! Proofs of possession (RFC 9449): accepted proofs, and for each check of section 4.3 the proofs that fail it.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

mod checks;
mod properties;
mod prover;
mod replay;
mod target;
mod vectors;
