//! `FWO ->> FWO: Generating Fingerprint`: selects the evidence of a request. `shared_types::fingerprint` generates and
//! compares fingerprints.

use std::net::IpAddr;

use service_runtime::RequestContext;
use shared_types::{
    Fingerprint,
    fingerprint::{Evidence, Maker, Mode, Sensitivity, Unavailable},
};

use crate::accounts::DeploymentConfig;

/// The fingerprint of the browser that sent this request from `client`, and of its page with this `origin`; `None` with the feature off.
pub fn generate(
    fingerprints: &Maker,
    context: &RequestContext<'_>,
    origin: Option<&[u8]>,
    config: &DeploymentConfig,
    client: Option<IpAddr>,
) -> Result<Option<Fingerprint>, Unavailable> {
    if !config.account.webchat_security_is_on() {
        return Ok(None);
    }
    // Most of a browser's headers are looked up: scanning a short list is faster than hashing names.
    let headers: Vec<_> = context.headers().collect();
    let header = |name: &str| headers.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
    let sent = Evidence::from_headers(header, client, config.deployment.key);
    let evidence = Evidence { origin, ..sent };
    let account = &config.account;
    let (level, mode) = (account.fingerprint_sensitivity, account.fingerprint_mode);
    let generated = fingerprints.fingerprint(account.sid, &evidence, level, mode);
    context.step(if generated.is_ok() { "Generating Fingerprint" } else { "generateFingerprint fails" });
    generated.map(Some)
}

/// Rejects a new session at the level `high` if too few signals identify its browser. In shadow mode it begins anyway.
pub fn require_enough_signals(
    fingerprint: Option<&Fingerprint>,
    config: &DeploymentConfig,
) -> Result<(), Unavailable> {
    let (level, mode) = (config.account.fingerprint_sensitivity, config.account.fingerprint_mode);
    let is_required = level == Sensitivity::High && mode == Mode::Enforce;
    if is_required && fingerprint.is_some_and(|fingerprint| !fingerprint.has_enough_signals(level)) {
        return Err(Unavailable::TooFewSignals);
    }
    Ok(())
}
