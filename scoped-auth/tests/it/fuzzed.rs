//! The property of the token opener that is fuzzed, checked for its seeds.

#[path = "../../../fuzz/src/token.rs"]
#[allow(unreachable_pub, reason = "as above")]
mod opener;
#[path = "../../../fuzz/src/seeds.rs"]
#[allow(unreachable_pub, reason = "public where it is at home")]
mod seeds;

#[test]
fn only_genuine_tokens_open() {
    seeds::each_variation("token", opener::opens);
}
