//! What a new user finds: two accounts to try, and the lines to paste.

use std::net::SocketAddr;

/// The accounts of `accounts.toml` where there is none yet.
pub const ACCOUNTS: &str = include_str!("../accounts.demo.toml");

/// The deployment whose account has the feature on.
pub const DEPLOYMENT_ON: &str = "CV00000000000000000000000000000001";

/// The deployment whose account has the feature off.
pub const DEPLOYMENT_OFF: &str = "CV00000000000000000000000000000002";

/// The same accounts, with limits that no test or benchmark comes to.
pub fn accounts_without_limits() -> String {
    let limits = "rate_limits = { visitor_creates_per_minute = 1000000, visitor_calls_per_minute = 1000000, \
        creates_per_minute = 1000000 }";
    ACCOUNTS.replace("enabled = true", &format!("enabled = true\n{limits}"))
}

/// Three lines for a shell: create a token, refresh it, open the conversation. Each prints what it was answered.
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
