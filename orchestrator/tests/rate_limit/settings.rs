//! `[account.deployment.rate_limits]`: what it says, and which line is named when it says it wrongly.

use orchestrator::{
    accounts::Accounts,
    rate_limit::{Limits, Mode},
};
use shared_types::DeploymentKey;

/// Line 9 is the table's first.
fn parse(rate_limits: &str) -> Result<Limits, String> {
    let text = format!(
        r#"[[account]]
sid = "AC00000000000000000000000000000001"
webchat_security = true
conversations_service_sid = "IS00000000000000000000000000000001"
[[account.deployment]]
key = "CV00000000000000000000000000000001"
address_sid = "IG00000000000000000000000000000001"
{rate_limits}
"#
    );
    let accounts = Accounts::parse(&text).map_err(|error| error.to_string())?;
    Ok(accounts.by_deployment_key(&DeploymentKey::from_bits(1)).unwrap().deployment.rate_limits)
}

fn numbers(limits: Limits) -> (u32, u32, u32, Mode) {
    let creates = (limits.visitor_creates_per_minute, limits.creates_per_minute);
    (creates.0.get(), limits.visitor_calls_per_minute.get(), creates.1.get(), limits.mode)
}

#[test]
fn what_is_left_out_has_a_default() {
    let default = (30, 300, 6000, Mode::Enforce);
    assert_eq!(numbers(parse("").unwrap()), default);
    assert_eq!(numbers(parse("rate_limits = {}").unwrap()), default);
    assert_eq!(numbers(parse("[account.deployment.rate_limits]").unwrap()), default);
    let one = parse("rate_limits = { creates_per_minute = 7 }").unwrap();
    assert_eq!(numbers(one), (30, 300, 7, Mode::Enforce));
}

#[test]
fn both_ways_of_writing_it_say_the_same() {
    let inline = "rate_limits = { visitor_creates_per_minute = 1, visitor_calls_per_minute = 2, \
                  creates_per_minute = 3, mode = \"log\" }";
    let table = "[account.deployment.rate_limits]\nvisitor_creates_per_minute = 1\n\
                 visitor_calls_per_minute = 2\ncreates_per_minute = 3\nmode = \"log\"";
    for text in [inline, table] {
        assert_eq!(numbers(parse(text).unwrap()), (1, 2, 3, Mode::Log));
    }
    assert_eq!(parse("rate_limits = { mode = \"enforce\" }").unwrap(), Limits::default());
}

#[test]
fn a_fault_is_reported_with_its_line() {
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
