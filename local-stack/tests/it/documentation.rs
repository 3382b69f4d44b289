//! The documentation matches the code: settings, log messages, tables, paths, links, commands and citations.

mod citations;
mod commands;
mod files;
mod paths;
mod transcripts;

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use local_stack::demo;
use service_runtime::settings;
use shared_types::fingerprint::{
    Sensitivity, Signal,
    policy::{self, Compare},
};

fn readme() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md")).unwrap()
}

/// Generated from the structs of settings, below a marker. `WRITE_DOCUMENTATION=1` writes the file.
#[test]
fn settings_are_documented() {
    const MARKER: &str =
        "<!-- generated: WRITE_DOCUMENTATION=1 cargo test -p local-stack --test it documentation -->\n";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/configuration.md");
    let written = fs::read_to_string(&path).unwrap();
    let (introduction, _) = written.split_once(MARKER).unwrap();
    let sections = [orchestrator::PROGRAM, federated_auth::PROGRAM, scoped_auth::PROGRAM].map(|program| {
        let table = settings::markdown(program.prefix, &(program.settings)());
        format!("\n## {}\n\n{}\n\n{table}", program.name, program.about)
    });
    let generated = format!("{introduction}{MARKER}{}", sections.concat());
    if env::var_os("WRITE_DOCUMENTATION").is_some() {
        fs::write(&path, &generated).unwrap();
    } else if let Some((stale, current)) = written.lines().zip(generated.lines()).find(|(a, b)| a != b) {
        panic!("docs/configuration.md is stale; to write it:\n{MARKER}{stale}\nshould be\n{current}");
    } else {
        assert_eq!(written.len(), generated.len(), "docs/configuration.md is stale; to write it:\n{MARKER}");
    }
}

#[test]
fn curl_lines_match_the_stacks_output() {
    let readme = readme();
    for line in demo::curl_lines("127.0.0.1:8080".parse().unwrap(), demo::DEPLOYMENT_ON) {
        assert!(readme.contains(&line), "README lacks:\n{line}");
    }
}

/// Operators search the log, and alert on lines, by these texts.
#[test]
fn documented_log_messages_are_logged() {
    const COMMANDS: [&str; 7] =
        ["docker", "cargo", "scoped-auth", "orchestrator", "federated-auth", "openssl", "kubectl"];
    const OF_RUSTLS: [&str; 3] =
        ["invalid peer certificate: certificate expired", "received corrupt message", "not valid for name"];
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut sources = String::new();
    for folder in
        ["service-runtime", "crates/store", "crates/token", "orchestrator", "federated-auth", "scoped-auth"]
    {
        append_sources(&root.join(folder).join("src"), &mut sources);
    }
    let documents = files::files(Path::new("docs/operations"), &["md"]);
    assert!(!documents.is_empty());
    for file in documents.into_iter().chain([PathBuf::from("docs/observability.md")]) {
        let text = fs::read_to_string(root.join(&file)).unwrap();
        let messages = text.split('`').skip(1).step_by(2).filter(|code| {
            code.split(' ').count() > 2
                && code.chars().all(|letter| letter.is_ascii_lowercase() || " ,:'-".contains(letter))
                && !COMMANDS.contains(&code.split(' ').next().unwrap())
                && !OF_RUSTLS.contains(code)
        });
        for message in messages {
            assert!(sources.contains(message), "{}: no service logs `{message}`", file.display());
        }
    }
}

fn append_sources(folder: &Path, sources: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            append_sources(&path, sources);
        } else {
            sources.push_str(&fs::read_to_string(path).unwrap());
        }
    }
}

/// The part of `docs/fingerprint.md` between two markers.
fn part_of_fingerprint(name: &str) -> String {
    let text =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/fingerprint.md")).unwrap();
    let (_, from) = text.split_once(&format!("<!-- {name}:begin -->\n")).unwrap();
    from.split_once(&format!("<!-- {name}:end -->")).unwrap().0.to_owned()
}

#[test]
fn fingerprint_policy_table_matches_the_code() {
    let rows = policy::RULES.iter().map(|rule| {
        let held = match rule.compare {
            Compare::Equal => "equal",
            Compare::Forwards => "equal; forwards drifts at 0",
            Compare::Clock => "equal; within 60 minutes drifts at 0",
        };
        let (different, missing, counted) = (rule.different, rule.missing, rule.counted);
        format!("| `{}` | {held} | {different} | {missing} | {counted} |\n", rule.signal.name())
    });
    let table = "| signal | held if | different | missing | counted |\n|---|---|---|---|---|\n".to_owned()
        + &rows.collect::<String>();
    assert_eq!(part_of_fingerprint("policy"), table, "docs/fingerprint.md is to have:\n{table}");

    let rows = Sensitivity::ALL.map(|level| {
        let policy::Limits { budget, total, least_held, max_version_jump: jump } = level.limits();
        format!(
            "| `{}` | {budget} | {total} | {least_held} | {} | {} | {} |\n",
            level.name(),
            jump.four_weekly,
            jump.yearly,
            jump.weekly
        )
    });
    let table = "| level | points since the last refresh | points since the beginning | least counted signals that held | \
        four-weekly versions forwards | yearly | weekly |\n|---|---|---|---|---|---|---|\n"
        .to_owned() + &rows.concat();
    assert_eq!(part_of_fingerprint("limits"), table, "docs/fingerprint.md is to have:\n{table}");
}

#[test]
fn every_signal_is_documented() {
    let text =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/fingerprint.md")).unwrap();
    let (_, signals) = text.split_once("## Signals").unwrap();
    let (signals, _) = signals.split_once("## ").unwrap();
    for signal in Signal::ALL {
        assert!(signals.contains(&format!("`{}`", signal.name())), "{}", signal.name());
    }
}
