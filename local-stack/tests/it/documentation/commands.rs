//! Commands in the documentation: programs know their subcommands and options, scripts exist and know theirs, and packages
//! that cargo is given exist.

use std::fs;

use clap::Command;

use super::files::{Document, assert_none, documents, files, root};

/// Where the images have the programs.
const BIN: &str = "/usr/local/bin/";

#[test]
fn documented_commands_are_valid() {
    let (mut faults, mut checked) = (Vec::new(), 0);
    for document in documents() {
        for command in commands(&document) {
            for part in
                command.split(" | ").flat_map(|part| part.split(" && ")).flat_map(|part| part.split("$("))
            {
                match check(part) {
                    None => {}
                    Some(Ok(())) => checked += 1,
                    Some(Err(fault)) => {
                        faults.push(format!("{}: `{command}`: {fault}", document.path.display()))
                    }
                }
            }
        }
    }
    assert_none(&faults);
    assert!(checked > 50, "only {checked} commands were found");
}

/// The code spans, and what is typed in the code blocks. In a transcript, that follows the prompt.
fn commands(document: &Document) -> Vec<String> {
    let typed = document.code_lines(&["console"]);
    let typed = typed.iter().filter_map(|line| line.strip_prefix("$ ")).map(str::to_owned);
    let scripts = document.code_lines(&["sh", "bash"]);
    document.code_spans().into_iter().chain(typed).chain(scripts).collect()
}

/// Checks a command of this repository. `None` if it is none.
fn check(command: &str) -> Option<Result<(), String>> {
    let is_variable = |word: &&str| {
        let name = word.split_once('=').map_or("", |(name, _)| name);
        !name.is_empty()
            && name.chars().all(|letter| letter.is_ascii_uppercase() || "_0123456789".contains(letter))
    };
    let words: Vec<_> = command
        .split_whitespace()
        .skip_while(is_variable)
        .map(|word| word.trim_matches(['[', ']', ';', '(', ')']))
        .take_while(|word| !word.starts_with(['>', '#']))
        .collect();
    let (first, rest) = words.split_first()?;
    match *first {
        "cargo" => return Some(check_packages(rest)),
        "docker" => {
            let position = rest.iter().position(|word| word.starts_with(BIN))?;
            let (program, arguments) = rest[position..].split_first()?;
            return check_program(program.trim_start_matches(BIN), arguments);
        }
        _ => {}
    }
    if !rest.is_empty()
        && let Some(checked) = check_program(first, rest)
    {
        return Some(checked);
    }
    let file = root().join(first);
    let is_script = first.contains('/') && file.is_file() && !rest.is_empty();
    is_script.then(|| check_script(&fs::read_to_string(file).unwrap(), rest))
}

/// `None` if it is none of the programs.
fn check_program(name: &str, arguments: &[&str]) -> Option<Result<(), String>> {
    let programs = [orchestrator::PROGRAM, federated_auth::PROGRAM, scoped_auth::PROGRAM];
    let program = programs.into_iter().find(|program| program.name == name)?;
    Some(check_arguments(program.command(), arguments))
}

fn check_arguments(mut command: Command, arguments: &[&str]) -> Result<(), String> {
    command.build();
    let (mut command, mut arguments) = (&command, arguments.iter());
    while let Some(argument) = arguments.next() {
        if let Some(option) = argument.strip_prefix("--") {
            let (name, value) =
                option.split_once('=').map_or((option, None), |(name, value)| (name, Some(value)));
            let known = command.get_arguments().find(|known| known.get_long() == Some(name));
            let known = known.ok_or_else(|| format!("`{}` has no option --{name}", command.get_name()))?;
            if known.get_action().takes_values() && value.is_none() {
                arguments.next();
            }
        } else if let Some(subcommand) = command.find_subcommand(argument) {
            command = subcommand;
        } else if command.get_positionals().next().is_none() && *argument != "…" {
            return Err(format!("`{}` has no subcommand {argument}", command.get_name()));
        }
    }
    Ok(())
}

/// A script names the options that it knows. `bench/run` passes its arguments on, and its options are fields there.
fn check_script(text: &str, arguments: &[&str]) -> Result<(), String> {
    let passed_on = if text.contains("/speed\" \"$@\"") {
        fs::read_to_string(root().join("bench/speed/src/main.rs")).unwrap()
    } else {
        String::new()
    };
    let is_known = |option: &str| {
        let field = format!("\n    {}:", option.trim_start_matches("--").replace('-', "_"));
        text.contains(option) || passed_on.contains(&field)
    };
    let mut options = arguments.iter().filter(|argument| argument.starts_with("--"));
    options.find(|option| !is_known(option)).map_or(Ok(()), |option| Err(format!("no option {option}")))
}

fn check_packages(arguments: &[&str]) -> Result<(), String> {
    let manifests = files("".as_ref(), &["toml"]).into_iter().filter(|path| path.ends_with("Cargo.toml"));
    let manifests: Vec<_> = manifests.map(|path| fs::read_to_string(root().join(path)).unwrap()).collect();
    let named = arguments.windows(2).filter(|pair| pair[0] == "-p").map(|pair| pair[1]);
    for package in named {
        let name = format!("name = \"{package}\"");
        if !manifests.iter().any(|manifest| manifest.lines().any(|line| line == name)) {
            return Err(format!("no package {package}"));
        }
    }
    Ok(())
}

#[test]
fn invalid_commands_are_found() {
    for (command, expected) in [
        ("scoped-auth keys generate --use enc", Some(true)),
        ("SCOPED_AUTH_KEYS_FILE=k.json scoped-auth keys list", Some(true)),
        (
            "docker compose exec orchestrator /usr/local/bin/orchestrator webhooks test --account AC…",
            Some(true),
        ),
        ("orchestrator accounts list accounts.toml >list", Some(true)),
        ("scoped-auth keys make", Some(false)),
        ("scoped-auth keys generate --usage enc", Some(false)),
        ("cargo test -p nothing", Some(false)),
        ("bench/run rivals --rounds 1", Some(true)),
        ("bench/run --round 1", Some(false)),
        ("orchestrator", None),
        ("docker compose restart orchestrator", None),
    ] {
        assert_eq!(check(command).map(|checked| checked.is_ok()), expected, "{command}");
    }
}
