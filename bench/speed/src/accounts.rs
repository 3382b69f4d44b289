//! The `accounts.toml` of a measurement. Called deployments have limits that count every request but are never reached; the
//! others have the default limits.

/// The deployment of a small file, and the first of a large one.
pub(crate) const FIRST: &str = "CV00000000000000000000000000000001";
/// Number of called deployments in large files.
pub(crate) const CALLED: usize = 10_000;
/// Deployments per account in large files.
const PER_ACCOUNT: usize = 1000;

/// The keys of the called deployments of so many.
pub(crate) fn called(deployments: usize) -> Vec<String> {
    (0..deployments).step_by((deployments / CALLED).max(1)).map(key).collect()
}

/// The text with this many deployments, all with the feature on.
pub(crate) fn accounts(deployments: usize) -> String {
    let mut text = String::new();
    for number in 0..deployments {
        if number % PER_ACCOUNT == 0 {
            let account = number / PER_ACCOUNT + 1;
            text.push_str(&format!(
                "[[account]]\nsid = \"AC{account:032x}\"\nwebchat_security = true\nfingerprint_sensitivity = \"medium\"\n\
                 conversations_service_sid = \"IS{account:032x}\"\n"
            ));
        }
        let (key, address) = (key(number), number + 1);
        text.push_str(&format!(
            "[[account.deployment]]\nkey = \"{key}\"\naddress_sid = \"IG{address:032x}\"\n\
             allowed_origins = [\"https://shop.example.com\"]\n"
        ));
        if number % (deployments / CALLED).max(1) == 0 {
            text.push_str(
                "rate_limits = { visitor_creates_per_minute = 4000000000, visitor_calls_per_minute = 4000000000, \
                 creates_per_minute = 4000000000 }\n",
            );
        }
    }
    text
}

fn key(number: usize) -> String {
    format!("CV{:032x}", number + 1)
}
