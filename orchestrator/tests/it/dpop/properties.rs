//! Properties of the proof parser for arbitrary input.

use orchestrator::dpop::ProofFailure;
use proptest::prelude::*;

use crate::dpop::prover::{Prover, Service};

proptest! {
    #[test]
    fn no_input_bytes_panic(value in prop::collection::vec(any::<u8>(), 0..600)) {
        prop_assert!(Service::new().check(value).is_err());
    }

    #[test]
    fn no_header_or_payload_panics(header in "\\PC{0,60}", payload in "\\PC{0,60}") {
        prop_assert!(Service::new().check(Prover::new().sign(&header, &payload)).is_err());
    }

    /// One character of a valid proof replaced: never accepted, and never for a key that did not sign it.
    #[test]
    fn altered_proofs_are_rejected(place: prop::sample::Index, by in "[A-Za-z0-9_.\\-]") {
        let mut proof = Prover::new().proof();
        let place = place.index(proof.len());
        let changed = proof.get(place..=place) != Some(by.as_str());
        proof.replace_range(place..=place, &by);
        prop_assert_eq!(Service::new().check(proof).is_err(), changed);
    }

    /// A part of the JSON replaced and signed again, as a key holder can do.
    #[test]
    fn no_altered_signed_part_panics(
        in_header: bool,
        place: prop::sample::Index,
        length in 0..20usize,
        by in "[\\[\\]{}\":,\\\\a-z0-9.+\\-]{0,8}",
    ) {
        let prover = Prover::new();
        let (mut header, mut payload) = (prover.header.to_string(), prover.payload.to_string());
        let text = if in_header { &mut header } else { &mut payload };
        let start = place.index(text.len());
        text.replace_range(start..(start + length).min(text.len()), &by);
        let taken = Service::new().check(prover.sign(&header, &payload));
        prop_assert!(matches!(taken, Ok(_) | Err(
            ProofFailure::Malformed | ProofFailure::Type | ProofFailure::Algorithm | ProofFailure::Key | ProofFailure::Claims | ProofFailure::Method
                | ProofFailure::Target | ProofFailure::Age | ProofFailure::AccessToken | ProofFailure::Signature | ProofFailure::PrivateKey
                | ProofFailure::Critical
        )));
    }
}
