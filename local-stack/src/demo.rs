//! Demo data: two accounts, and shell commands to try them.

use std::{fs, io, net::SocketAddr, path::Path};

/// The content of a new `accounts.toml`.
pub const ACCOUNTS: &str = include_str!("../accounts.demo.toml");

/// A deployment of the account with the feature on.
pub const DEPLOYMENT_ON: &str = "CV00000000000000000000000000000001";

/// The demo page's deployment, of the same account: only the page's own origin is allowed.
pub const DEPLOYMENT_PAGE: &str = "CV00000000000000000000000000000003";

/// A deployment of the account with the feature off.
pub const DEPLOYMENT_OFF: &str = "CV00000000000000000000000000000002";

/// Marks the line of `accounts.toml` with the demo page's origin.
const PAGE_LINE: &str = "# the demo page, written at each start";

/// Creates `accounts.toml` if it is missing, and updates the demo page's origin in its marked line. Returns whether there is
/// such a line: one that was removed is not added again.
pub fn write_accounts(path: &Path, page: &str) -> io::Result<bool> {
    let old = match fs::read_to_string(path) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    let text = old.as_deref().unwrap_or(ACCOUNTS);
    let line = format!("allowed_origins = [\"{page}\"] {PAGE_LINE}");
    let is_page_line = |line: &str| line.ends_with(PAGE_LINE);
    let new: String = text
        .lines()
        .map(|old| if is_page_line(old) { line.as_str() } else { old })
        .flat_map(|line| [line, "\n"])
        .collect();
    if old.as_ref() != Some(&new) {
        fs::write(path, &new)?;
    }
    Ok(new.lines().any(is_page_line))
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
