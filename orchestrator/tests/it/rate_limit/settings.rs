//! `[account.deployment.rate_limits]`: its values, and the line that an error names.

use orchestrator::accounts::{Accounts, DeploymentLimits, RateLimitMode};
use shared_types::DeploymentKey;

const TEXT: &str = r#"[[account]]
sid = "AC00000000000000000000000000000001"
webchat_security = true
conversations_service_sid = "IS00000000000000000000000000000001"
[[account.deployment]]
key = "CV00000000000000000000000000000001"
address_sid = "IG00000000000000000000000000000001"
{rate_limits}
"#;

/// Line 9 is the table's first.
fn parse(rate_limits: &str) -> Result<DeploymentLimits, String> {
    let accounts = Accounts::parse(&TEXT.replace("{rate_limits}", rate_limits));
    let accounts = accounts.map_err(|error| error.to_string())?;
    Ok(accounts.by_deployment_key(&DeploymentKey::from_bits(1)).unwrap().deployment.rate_limits)
}

fn numbers(limits: DeploymentLimits) -> (u32, u32, u32, RateLimitMode) {
    let creates = (limits.visitor_creates_per_minute, limits.creates_per_minute);
    (creates.0.get(), limits.visitor_calls_per_minute.get(), creates.1.get(), limits.mode)
}

#[test]
fn what_is_left_out_has_a_default() {
    let default = (30, 300, 6000, RateLimitMode::Enforce);
    assert_eq!(numbers(parse("").unwrap()), default);
    assert_eq!(numbers(parse("rate_limits = {}").unwrap()), default);
    assert_eq!(numbers(parse("[account.deployment.rate_limits]").unwrap()), default);
    let one = parse("rate_limits = { creates_per_minute = 7 }").unwrap();
    assert_eq!(numbers(one), (30, 300, 7, RateLimitMode::Enforce));
}

#[test]
fn both_notations_are_equivalent() {
    let inline = "rate_limits = { visitor_creates_per_minute = 1, visitor_calls_per_minute = 2, \
                  creates_per_minute = 3, mode = \"log\" }";
    let table = "[account.deployment.rate_limits]\nvisitor_creates_per_minute = 1\n\
                 visitor_calls_per_minute = 2\ncreates_per_minute = 3\nmode = \"log\"";
    for text in [inline, table] {
        assert_eq!(numbers(parse(text).unwrap()), (1, 2, 3, RateLimitMode::Log));
    }
    assert_eq!(parse("rate_limits = { mode = \"enforce\" }").unwrap(), DeploymentLimits::default());
}

#[test]
fn errors_are_reported_with_their_line() {
    for (line, reason) in [
        ("visitor_creates_per_minute = 0", "expected a nonzero u32"),
        ("visitor_calls_per_minute = 0", "expected a nonzero u32"),
        ("creates_per_minute = 0", "expected a nonzero u32"),
        ("creates_per_minute = -1", "-1"),
        ("creates_per_minute = 4294967296", "4294967296"),
        ("creates_per_minute = 1.5", "1.5"),
        ("creates_per_minute = \"many\"", "many"),
        ("mode = \"off\"", "unknown variant `off`"),
        ("mode = \"Log\"", "unknown variant `Log`"),
        ("creates_per_second = 1", "unknown field `creates_per_second`"),
    ] {
        let refused = parse(&format!("[account.deployment.rate_limits]\n{line}")).expect_err(line);
        assert!(refused.starts_with("line 9: ") && refused.contains(reason), "{line}: {refused}");
        assert!(!refused.contains('\n'), "{refused}");
    }
}

#[test]
fn message_and_network_limits_are_configurable() {
    let of = |line: &str| parse(&format!("[account.deployment.rate_limits]\n{line}"));
    let messages = |limits: DeploymentLimits| {
        (limits.visitor_messages_per_minute.get(), limits.visitor_messages_burst.get())
    };
    assert_eq!(messages(of("").unwrap()), (20, 10));
    assert_eq!(
        messages(of("visitor_messages_per_minute = 60\nvisitor_messages_burst = 60").unwrap()),
        (60, 60)
    );
    assert_eq!(messages(of("visitor_messages_per_minute = 4").unwrap()), (4, 4), "no more than a minute's");
    assert_eq!(of("").unwrap().nested.map(u32::from), [1, 2, 8]);
    assert_eq!(of("nested = [1, 1, 1]").unwrap().nested.map(u32::from), [1, 1, 1]);
    for (line, reason) in [
        ("visitor_messages_burst = 21", "expected `visitor_messages_burst` of at most"),
        ("visitor_messages_burst = 0", "expected a nonzero u32"),
        ("nested = [1, 2]", "invalid length 2"),
        ("nested = [2, 4, 8]", "expected `nested` such as [1, 2, 8]"),
        ("nested = [1, 8, 2]", "expected `nested` such as [1, 2, 8]"),
        ("nested = [1, 0, 8]", "expected a nonzero u32"),
    ] {
        let refused = of(line).expect_err(line);
        assert!(refused.starts_with("line ") && refused.contains(reason), "{line}: {refused}");
    }
}

#[test]
fn the_byte_budget_is_a_per_deployment_setting() {
    let of = |line: &str| {
        let text = TEXT.replace("{rate_limits}", line);
        let accounts = Accounts::parse(&text).map_err(|error| error.to_string())?;
        let deployment = accounts.by_deployment_key(&DeploymentKey::from_bits(1)).unwrap().deployment;
        Ok::<_, String>((deployment.guest_bytes_per_hour.whole(), deployment.guest_bytes_per_hour.share()))
    };
    assert_eq!(of("").unwrap(), (64 << 20, 1 << 20));
    assert_eq!(of("guest_bytes_per_hour = 2097152").unwrap(), (2 << 20, 32 << 10));
    for line in ["guest_bytes_per_hour = 2097151", "guest_bytes_per_hour = 0"] {
        let refused = of(line).unwrap_err();
        assert!(refused.starts_with("line 8: expected 2097152 (2 MiB) at least"), "{refused}");
    }
    assert!(of("guest_bytes_per_hour = 4294967296").is_err());
}
