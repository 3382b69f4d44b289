//! `FWO ->> FWO: Generating Fingerprint`: what of a request goes into it. How it is made and judged is
//! `shared_types::fingerprint`.

use std::net::IpAddr;

use service_runtime::RequestContext;
use shared_types::{Fingerprint, fingerprint::Evidence};

use crate::{configuration::Snapshot, error::Error, state::State};

/// The fingerprint of the browser and page that make this call from the address `client`; none with the feature off.
pub fn of_call(
    state: &State,
    call: &RequestContext<'_>,
    snapshot: &Snapshot,
    client: Option<IpAddr>,
) -> Result<Option<Fingerprint>, Error> {
    if !snapshot.account.webchat_security_is_on() {
        return Ok(None);
    }
    // Most of a browser's headers are looked for: it is faster to go through a short list each time than to hash names.
    let headers: Vec<_> = call.headers().collect();
    let header = |name: &str| headers.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
    let evidence = Evidence::from_headers(header, client, snapshot.deployment.key);
    let account = &snapshot.account;
    let (level, mode) = (account.fingerprint_sensitivity, account.fingerprint_mode);
    Ok(Some(state.fingerprints.fingerprint(account.sid, &evidence, level, mode)?))
}
