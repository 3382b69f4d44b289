//! `orchestrator accounts …`: checks, shows and edits `accounts.toml`. The service follows the file and applies a change
//! within a second.

mod add;
mod edit;
mod show;

use std::{
    fs,
    io::{Write as _, stdout},
    path::{Path, PathBuf},
};

use clap::{Arg, ArgAction, ArgMatches, Command, builder::PossibleValuesParser, value_parser};
use service_runtime::{
    Environment,
    command::{StartError, Subcommands},
};
use shared_types::{AccountSid, AddressSid, ConversationsServiceSid, fingerprint::Sensitivity};

use crate::{
    accounts::{Accounts, Scope, Scopes, check},
    settings::AccountsSettings,
};

/// The subcommand.
pub const ACCOUNTS: Subcommands = Subcommands { commands, run };

const EXIT_CODES: &str = "Exit codes: 0 done, 1 rejected or failed (the file is unchanged), 2 usage error";

fn commands() -> Vec<Command> {
    vec![
        Command::new("accounts")
            .about(
                "Check, show or edit the accounts file; a running service applies a change within a second",
            )
            .subcommand_required(true)
            .subcommands([check(), list(), show(), new_account(), new_deployment(), new_api_key()]),
    ]
}

fn check() -> Command {
    Command::new("check")
        .about("Print every problem of the file, one per line: FILE:LINE: error or warning: description")
        .long_about(
            "Print every problem of the file, one per line: FILE:LINE: error or warning: description. Reads the signing \
             secrets of webhooks, too, relative to the file",
        )
        .after_help("Exit codes: 0 no errors, 1 errors or no such file, 2 usage error")
        .arg(file())
}

fn list() -> Command {
    Command::new("list")
        .about("List the accounts with their numbers of deployments and API keys, one per line")
        .after_help(EXIT_CODES)
        .args([file(), json()])
}

fn show() -> Command {
    Command::new("show")
        .about(
            "Show an account's settings, deployments, API keys and webhooks; secrets and their digests are not shown",
        )
        .after_help(EXIT_CODES)
        .args([file(), account(), json()])
}

fn new_account() -> Command {
    let levels = PossibleValuesParser::new(Sensitivity::ALL.map(Sensitivity::name));
    Command::new("new-account")
        .about("Add an account, and print its sid; a missing file is created")
        .after_help(EXIT_CODES)
        .arg(file())
        .arg(option("sid", "Its sid, AC…; default: a random one").value_parser(value_parser!(AccountSid)))
        .arg(
            option("conversations-service", "Its conversations service, IS…; default: a random sid")
                .value_parser(value_parser!(ConversationsServiceSid)),
        )
        .arg(
            option("fingerprint-sensitivity", "How much of a browser may change")
                .value_parser(levels)
                .default_value(Sensitivity::default().name()),
        )
        .arg(json())
}

fn new_deployment() -> Command {
    let address = option("address", "The address of its conversations, IG…").required(true);
    Command::new("new-deployment")
        .about("Add a deployment with a random key to an account, and print the key")
        .after_help(format!(
            "To replace a key, add a new one for the same address, change the pages, then set \
             `enabled = false` for the old one.\n\n{EXIT_CODES}"
        ))
        .args([file(), account()])
        .arg(address.value_parser(value_parser!(AddressSid)))
        .arg(
            option(
                "origin",
                "An origin whose pages may use it, such as https://shop.example.com; repeatable",
            )
            .action(ArgAction::Append),
        )
        .arg(json())
}

fn new_api_key() -> Command {
    let scopes = PossibleValuesParser::new(Scope::ALL.map(Scope::as_str));
    Command::new("new-api-key")
        .about("Add an API key for a desk to an account, and print its sid and its secret, one per line")
        .after_help(format!(
            "The secret is printed only once; the file holds its SHA-256. To replace a key, add a new one, change the \
             desk, then remove the old one from the file: it stops working within a second.\n\n{EXIT_CODES}"
        ))
        .args([file(), account()])
        .arg(
            option("scope", "What it may do; repeatable")
                .value_parser(scopes)
                .action(ArgAction::Append)
                .default_values(Scopes::default().iter().map(Scope::as_str)),
        )
        .arg(json())
}

fn file() -> Arg {
    Arg::new("FILE")
        .value_parser(value_parser!(PathBuf))
        .help("The accounts file; default: the file of ORCHESTRATOR_ACCOUNTS_FILE")
}

fn account() -> Arg {
    option("account", "The account, AC…").required(true).value_parser(value_parser!(AccountSid))
}

fn option(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).help(help)
}

fn json() -> Arg {
    option("json", "Print JSON").action(ArgAction::SetTrue)
}

fn run(_name: &str, arguments: &ArgMatches, environment: &Environment) -> Result<(), StartError> {
    // clap requires one of the subcommands.
    let Some((name, arguments)) = arguments.subcommand() else { return Ok(()) };
    let path = match arguments.get_one::<PathBuf>("FILE") {
        Some(path) => path.clone(),
        None => environment.fill::<AccountsSettings>()?.accounts_file.0,
    };
    match name {
        "check" => check_file(&path),
        "list" => show::list(&path, arguments),
        "show" => show::show(&path, arguments),
        "new-account" => add::new_account(&path, arguments),
        "new-deployment" => add::new_deployment(&path, arguments),
        _ => add::new_api_key(&path, arguments),
    }
}

fn check_file(path: &Path) -> Result<(), StartError> {
    let text = fs::read_to_string(path).map_err(|error| fault(path, &error))?;
    let problems = check::problems(&text, path.parent().unwrap_or(path));
    let mut out = stdout().lock();
    for problem in &problems {
        writeln!(out, "{}:{problem}", path.display())?;
    }
    let errors = problems.iter().filter(|problem| problem.is_fatal).count();
    let warnings = problems.len() - errors;
    if errors > 0 {
        return Err(fault(path, &format_args!("{errors} errors, {warnings} warnings")));
    }
    let accounts = Accounts::parse(&text)?;
    writeln!(out, "{}: {} accounts, {warnings} warnings", path.display(), accounts.accounts().len())?;
    Ok(())
}

fn fault(path: &Path, reason: &dyn std::fmt::Display) -> StartError {
    format!("{}: {reason}", path.display()).into()
}
