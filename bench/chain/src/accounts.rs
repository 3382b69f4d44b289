//! The `accounts.toml` of a measurement, with the given number of deployments. Called deployments have limits that
//! count every request but are never reached, or that are only logged (the byte budget); the others have the default
//! limits.

use std::fmt::Write as _;

use crate::browser::ORIGIN;

/// A deployment of the account that has the feature on.
pub(crate) const ON: &str = "CV00000000000000000000000000000001";

/// The deployment of the account that has the feature off.
pub(crate) const OFF: &str = "CV000000000000000000000000000f0000";

/// Deployments per account in large files.
const PER_ACCOUNT: usize = 1000;

/// Number of called deployments in large files.
pub(crate) const CALLED: usize = 10_000;

/// The key of the deployment with this number; the first is [`ON`].
pub(crate) fn key(number: usize) -> String {
    if number == 0 { ON.to_owned() } else { format!("CV{:032x}", 0x10_0000 + number) }
}

/// The keys of the called deployments, of `deployments`: [`CALLED`], with repetitions where there are fewer.
pub(crate) fn called(deployments: usize) -> Vec<String> {
    let step = deployments / CALLED;
    (0..CALLED).map(|at| key(if step == 0 { at % deployments.max(1) } else { at * step })).collect()
}

/// Accounts with `deployments` deployments that have the feature on, and one that has it off.
pub(crate) fn accounts(deployments: usize) -> String {
    let mut text = String::new();
    account(&mut text, 0xf0000, false);
    deployment(&mut text, OFF, true);
    let step = (deployments / CALLED).max(1);
    for first in (0..deployments).step_by(PER_ACCOUNT) {
        account(&mut text, first / PER_ACCOUNT + 1, true);
        for number in first..deployments.min(first + PER_ACCOUNT) {
            deployment(&mut text, &key(number), number % step == 0);
        }
    }
    text
}

fn account(text: &mut String, number: usize, is_on: bool) {
    // Writing to a string cannot fail.
    let _ = write!(
        text,
        "[[account]]\nsid = \"AC{number:032x}\"\nwebchat_security = {is_on}\nfingerprint_sensitivity = \"medium\"\n\
         conversations_service_sid = \"IS{number:032x}\"\n\n"
    );
}

fn deployment(text: &mut String, key: &str, is_called: bool) {
    let address = key.replacen("CV", "IG", 1);
    let _ = write!(
        text,
        "[[account.deployment]]\nkey = \"{key}\"\naddress_sid = \"{address}\"\nallowed_origins = [\"{ORIGIN}\"]\n"
    );
    if is_called {
        let most = 4_000_000_000_u32;
        let _ = writeln!(
            text,
            "rate_limits = {{ visitor_creates_per_minute = {most}, visitor_calls_per_minute = {most}, \
             visitor_messages_per_minute = {most}, visitor_messages_burst = {most}, creates_per_minute = {most}, \
             mode = \"log\" }}\n\
             guest_bytes_per_hour = {most}"
        );
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_deployment_key_is_unique() {
        let text = accounts(2500);
        assert_eq!(text.matches("[[account]]").count(), 1 + 3);
        assert_eq!(text.matches("[[account.deployment]]").count(), 1 + 2500);
        for number in [0, 1, 999, 1000, 2499] {
            assert_eq!(text.matches(&format!("key = \"{}\"", key(number))).count(), 1, "{number}");
        }
        assert_eq!(key(0), ON);
    }

    #[test]
    fn called_deployments_have_their_own_limits() {
        for deployments in [1, 20_000] {
            let text = accounts(deployments);
            let limited: Vec<_> =
                text.split("[[account.deployment]]").filter(|part| part.contains("rate_limits")).collect();
            assert_eq!(limited.len(), 1 + deployments.min(CALLED));
            let called = called(deployments);
            assert_eq!(called.len(), CALLED);
            for key in [called.first().unwrap(), called.last().unwrap()] {
                assert!(limited.iter().any(|part| part.contains(key.as_str())), "{key} of {deployments}");
            }
        }
    }
}
