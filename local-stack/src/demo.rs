//! Demo data: two accounts, and shell commands to try them.

use std::{fs, io, net::SocketAddr, path::Path};

use orchestrator::accounts::SecretDigest;

use crate::secrets::of_path;

/// The content of a new `accounts.toml`.
pub const ACCOUNTS: &str = include_str!("../accounts.demo.toml");

/// A deployment of the account with the feature on.
pub const DEPLOYMENT_ON: &str = "CV00000000000000000000000000000001";

/// The demo page's deployment, of the same account: only the page's own origin is allowed.
pub const DEPLOYMENT_PAGE: &str = "CV00000000000000000000000000000003";

/// A deployment of the account with the feature off.
pub const DEPLOYMENT_OFF: &str = "CV00000000000000000000000000000002";

/// The sid of the demo's API key for the desk, a key of the first account. Its secret is in [`DESK_SECRET`].
pub const DESK_KEY: &str = "SK00000000000000000000000000000001";

/// The file in the data folder with the secret of [`DESK_KEY`], generated at the first start.
pub const DESK_SECRET: &str = "desk.secret";

/// Marks the line of `accounts.toml` with the demo page's origin.
const PAGE_LINE: &str = "# the demo page, written at each start";

/// Marks the line of `accounts.toml` with the digest of the desk's secret.
const DESK_LINE: &str = "# SHA-256 of desk.secret, written at each start";

/// The line of [`ACCOUNTS`] that becomes the table of [`DESK_KEY`].
const DESK_PLACE: &str = "# the local stack's own API key of the desk goes here";

/// Creates `accounts.toml` if it is missing, and updates the demo page's origin in its marked line. Returns whether there is
/// such a line: one that was removed is not added again.
pub fn write_page(path: &Path, page: &str) -> io::Result<bool> {
    let line = format!("allowed_origins = [\"{page}\"] {PAGE_LINE}");
    write_line(path, &[(PAGE_LINE, &line)])
}

/// Creates `accounts.toml` if it is missing, and updates the digest of the desk's secret in its marked line. Returns whether
/// there is such a line: one that was removed is not added again.
pub fn write_desk_key(path: &Path, secret: &[u8]) -> io::Result<bool> {
    let line = format!("secret_sha256 = \"{}\" {DESK_LINE}", SecretDigest::of(secret).to_hex());
    let scope = r#"scope = ["read", "write", "erase"]"#;
    let table = format!("[[account.api_key]]\nsid = \"{DESK_KEY}\"\n{line}\n{scope}");
    write_line(path, &[(DESK_LINE, &line), (DESK_PLACE, &table)])
}

/// Replaces the lines that end with a mark. Returns whether there is one.
fn write_line(path: &Path, replacements: &[(&str, &str)]) -> io::Result<bool> {
    let old = match fs::read_to_string(path) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(of_path(path, error)),
    };
    let replacement = |line: &str| {
        let found = replacements.iter().find(|(mark, _)| line.ends_with(mark));
        found.map(|(_, new)| *new)
    };
    let text = old.as_deref().unwrap_or(ACCOUNTS);
    let new: String = text.lines().flat_map(|line| [replacement(line).unwrap_or(line), "\n"]).collect();
    if old.as_ref() != Some(&new) {
        fs::write(path, &new).map_err(|error| of_path(path, error))?;
    }
    Ok(text.lines().any(|line| replacement(line).is_some()))
}

/// The same accounts, with rate limits that no test or benchmark reaches; the byte budget of a conversation is only logged.
pub fn accounts_without_limits() -> String {
    let limits = "rate_limits = { visitor_creates_per_minute = 1000000, visitor_calls_per_minute = 1000000, \
        visitor_messages_per_minute = 1000000, visitor_messages_burst = 1000000, creates_per_minute = 1000000, \
        mode = \"log\" }\n\
        guest_bytes_per_hour = 4000000000";
    ACCOUNTS.replace("enabled = true", &format!("enabled = true\n{limits}"))
}

/// Three shell commands: create a token, refresh it, open the conversation. Each prints the response.
pub fn curl_lines(orchestrator: SocketAddr, deployment: &str) -> [String; 3] {
    let keep = r#"tee /dev/stderr | sed -E 's/.*"token":"([^"]+)".*/\1/'"#;
    let base = format!("http://{orchestrator}/v2");
    [
        format!("TOKEN=$(curl -sS {base}/Webchat/Token -d deploymentKey={deployment} | {keep})"),
        format!(
            r#"TOKEN=$(curl -sS {base}/Webchat/Token/Refresh -d deploymentKey={deployment} -d token="$TOKEN" | {keep})"#
        ),
        format!(
            r#"curl -sS {base}/WebChannels -H "Authorization: Bearer $TOKEN" -d customerFriendlyName=Ada"#
        ),
    ]
}

/// A shell command that lists the account's conversations as the desk. The secret stays in its file.
pub fn desk_curl_line(desk: SocketAddr, data: &Path) -> String {
    let secret = data.join(DESK_SECRET);
    format!(r#"curl -sS http://{desk}/v1/Conversations -u "{DESK_KEY}:$(cat {})""#, secret.display())
}
