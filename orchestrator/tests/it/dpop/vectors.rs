//! The two example proofs of RFC 9449.

use chrono::{DateTime, TimeDelta, Utc};
use orchestrator::dpop::{self, Expectation, InvalidProof, ProofFailure, PublicUrls, ReplayStore, Target};

const THUMBPRINT: &str = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";

/// Section 5: a token request.
const TOKEN_REQUEST: &str = "\
    eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJo\
    RjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.\
    eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0\
    IjoxNTYyMjYyNjE2fQ.\
    2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg";

/// Section 7.1: a resource request with a token.
const RESOURCE_REQUEST: &str = "\
    eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJo\
    RjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.\
    eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90ZWN0ZWRy\
    ZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNFc05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9.\
    2oW9RP35yRqzhrtNP86L-Ey71EOptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA";
const TOKEN: &str = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU";

fn check(
    proof: &str,
    (method, url, path): (&str, &str, &str),
    token: Option<&str>,
    now: DateTime<Utc>,
) -> Result<String, ProofFailure> {
    let public_urls: PublicUrls = url.parse().unwrap();
    let target = Target { public_urls: &public_urls, authority: None, scheme: None, path };
    let expectation = Expectation { method, target, access_token: token, nonces: None, now };
    dpop::verify([proof.as_bytes()], &expectation, &ReplayStore::new())
        .map(|thumbprint| thumbprint.to_string())
        .map_err(|InvalidProof { reason }| reason)
}

#[test]
fn rfc_9449_token_request_proof_is_accepted() {
    let made = DateTime::from_timestamp(1_562_262_616, 0).unwrap();
    let call = ("POST", "https://server.example.com", "/token");
    assert_eq!(check(TOKEN_REQUEST, call, None, made).as_deref(), Ok(THUMBPRINT));
    assert_eq!(check(TOKEN_REQUEST, call, Some(TOKEN), made), Err(ProofFailure::AccessToken));
    assert_eq!(check(TOKEN_REQUEST, call, None, made + TimeDelta::seconds(61)), Err(ProofFailure::Age));
}

#[test]
fn rfc_9449_resource_request_proof_is_accepted_with_its_token() {
    let made = DateTime::from_timestamp(1_562_262_618, 0).unwrap();
    let call = ("GET", "https://resource.example.org", "/protectedresource");
    assert_eq!(check(RESOURCE_REQUEST, call, Some(TOKEN), made).as_deref(), Ok(THUMBPRINT));
    assert_eq!(check(RESOURCE_REQUEST, call, Some("another"), made), Err(ProofFailure::AccessToken));
    assert_eq!(check(RESOURCE_REQUEST, call, None, made).as_deref(), Ok(THUMBPRINT), "`ath` is ignored");
}
