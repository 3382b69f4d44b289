//! The properties that are fuzzed, checked for their seeds.

#[path = "../../../fuzz/src/body.rs"]
#[allow(unreachable_pub, reason = "public where it is at home")]
mod body;
#[path = "../../../fuzz/src/proof.rs"]
#[allow(unreachable_pub, reason = "as above")]
mod proof;
#[path = "../../../fuzz/src/request.rs"]
#[allow(unreachable_pub, reason = "as above")]
mod request;
#[path = "../../../fuzz/src/seeds.rs"]
#[allow(unreachable_pub, reason = "as above")]
mod seeds;

#[test]
fn any_body_is_a_request_or_an_error() {
    seeds::each_variation("body", body::parses);
}

#[test]
fn a_proof_that_is_accepted_names_its_request() {
    seeds::each_variation("proof", proof::verifies);
}

#[test]
fn headers_of_any_form_are_read() {
    seeds::each_variation("request", request::headers);
}
