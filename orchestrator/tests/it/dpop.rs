//! Proofs of possession (RFC 9449): accepted proofs, and for each check of section 4.3 the proofs that fail it.

mod checks;
mod properties;
pub(crate) mod prover;
mod replay;
mod target;
mod vectors;
