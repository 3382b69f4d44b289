//! Proofs of possession (RFC 9449): which are taken, and for each check of section 4.3 the ones that fail it.

mod checks;
mod properties;
mod prover;
mod replay;
mod target;
mod vectors;
