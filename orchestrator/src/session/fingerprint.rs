//! `FWO ->> FWO: Generating Fingerprint`: selects the evidence of a request. `shared_types::fingerprint` generates and
//! compares fingerprints.

use std::net::IpAddr;

use service_runtime::RequestContext;
use shared_types::{
    Fingerprint,
    fingerprint::{Evidence, Maker, Mode, Sensitivity, Unavailable},
};

use crate::accounts::DeploymentConfig;

/// The fingerprint of the browser and page that sent this request from `client`; `None` with the feature off. A request
/// that `begins_session` is rejected at the level `high` if too few signals identify its browser.
pub fn generate(
    fingerprints: &Maker,
    context: &RequestContext<'_>,
    config: &DeploymentConfig,
    client: Option<IpAddr>,
    begins_session: bool,
) -> Result<Option<Fingerprint>, Unavailable> {
    if !config.account.webchat_security_is_on() {
        return Ok(None);
    }
    // Most of a browser's headers are looked up: scanning a short list is faster than hashing names.
    let headers: Vec<_> = context.headers().collect();
    let header = |name: &str| headers.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
    let evidence = Evidence::from_headers(header, client, config.deployment.key);
    let account = &config.account;
    let (level, mode) = (account.fingerprint_sensitivity, account.fingerprint_mode);
    let fingerprint = fingerprints.fingerprint(account.sid, &evidence, level, mode)?;
    let must_have_enough = begins_session && level == Sensitivity::High && mode == Mode::Enforce;
    if must_have_enough && !fingerprint.has_enough_signals(level) {
        return Err(Unavailable::TooFewSignals);
    }
    Ok(Some(fingerprint))
}
