//! The log of a whole process (this binary again, with one of its tests): at a panic, and at exit.

use std::process::{Command, Output};

use service_runtime::telemetry;

use crate::log::written::parsed;

/// Runs one of the ignored tests below in a new process.
fn run_test(test: &str) -> Output {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--ignored", "--nocapture", "--test-threads=1"])
        .env("RUST_LOG", "info")
        .output()
        .unwrap()
}

#[test]
fn lines_before_a_panic_are_written_first() {
    let output = run_test("log::process::panics");
    let logged = String::from_utf8(output.stderr).unwrap();
    let (before, panic) = logged.split_once("no way out").unwrap_or_else(|| panic!("{logged}"));
    assert!(before.contains("\"message\":\"on the way\""), "{logged}");
    assert!(!panic.contains("on the way"), "{logged}");
}

#[test]
#[ignore = "a process of its own: lines_before_a_panic_are_written_first"]
fn panics() {
    let log = telemetry::start();
    tracing::info!("on the way");
    std::mem::forget(log);
    panic!("no way out");
}

#[test]
fn all_lines_are_written_at_process_exit() {
    let output = run_test("log::process::ends");
    assert_eq!(output.status.code(), Some(7));
    let lines = parsed(&String::from_utf8(output.stderr).unwrap());
    let logged: Vec<_> = lines.iter().map(|line| line["line"].as_u64().unwrap()).collect();
    assert_eq!(logged, (0..1_001).collect::<Vec<_>>());
}

#[test]
#[ignore = "a process of its own: all_lines_are_written_at_process_exit"]
fn ends() {
    let log = telemetry::start();
    // The first setup wins; a second one has no effect.
    drop(telemetry::start());
    for line in 0..1_000_u64 {
        tracing::info!(line, "logged");
    }
    drop(log);
    tracing::info!(line = 1_000_u64, "logged after the end");
    tracing::debug!("not asked for");
    std::process::exit(7);
}
