//! `scoped-auth keys …`: what an operator does with the JWK Set.

use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use service_runtime::{
    Clock, Settings,
    command::{StartError, Tools},
    random::Random,
};

use crate::key_file::KeyFile;

/// The subcommands.
pub const KEYS: Tools = Tools { commands, run };

fn commands() -> Vec<Command> {
    let file = Arg::new("FILE")
        .long("file")
        .value_parser(value_parser!(PathBuf))
        .help("The JWK Set; by default the one that SCOPED_AUTH_KEYS_FILE names");
    let if_missing = Arg::new("if-missing")
        .long("if-missing")
        .action(ArgAction::SetTrue)
        .help("Leave a file that exists as it is");
    let generate = Command::new("generate")
        .about("Make a JWK Set, mode 0600, with one key that encrypts tokens and one that signs them")
        .args([file, if_missing]);
    vec![Command::new("keys").about("The keys of the tokens").subcommand_required(true).subcommand(generate)]
}

fn run(_name: &str, arguments: &ArgMatches, settings: &Settings) -> Result<(), StartError> {
    // There is one subcommand of one, and clap has seen to it that it was given.
    let Some((_, arguments)) = arguments.subcommand() else { return Ok(()) };
    let path = match arguments.get_one::<PathBuf>("FILE") {
        Some(path) => path.clone(),
        None => settings.parse("keys_file", "a path")?,
    };
    if arguments.get_flag("if-missing") && path.exists() {
        tell(&format!("{}: there already", path.display()));
        return Ok(());
    }
    KeyFile::create(&path, Random::default().source(), Clock::system().now())
        .map_err(|error| format!("{}: {error}", path.display()))?;
    tell(&format!("{}: made", path.display()));
    Ok(())
}

#[allow(clippy::print_stdout, reason = "the answer to whoever ran the command")]
fn tell(line: &str) {
    println!("{line}");
}
