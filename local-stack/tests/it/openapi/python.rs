//! The document is valid, by a validator for Python, which `./test` installs.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

use super::path;

/// Runs a tool of the tests' Python environment.
fn run(command: &mut Command) -> Output {
    command.output().unwrap_or_else(|error| panic!("no Python tools ({error}); `./test` installs them"))
}

fn tool(name: &str) -> PathBuf {
    let installed = concat!(env!("CARGO_MANIFEST_DIR"), "/../.venv/bin/python");
    let python = std::env::var("WEBCHAT_TEST_PYTHON").unwrap_or_else(|_| installed.to_owned());
    Path::new(&python).with_file_name(name)
}

#[track_caller]
fn succeeds(output: &Output) {
    let [stdout, stderr] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    assert!(output.status.success(), "{stdout}{stderr}");
}

#[test]
fn the_document_is_valid() {
    succeeds(&run(Command::new(tool("openapi-spec-validator")).arg(path())));
}
