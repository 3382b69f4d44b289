//! `orchestrator accounts …`: checks and edits `accounts.toml`. The service follows the file and applies a change within
//! seconds.

use std::{
    fs,
    io::{Write as _, stdout},
    path::{Path, PathBuf},
};

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use service_runtime::{
    Settings,
    command::{StartError, Subcommands},
    random::Random,
};
use shared_types::{AccountSid, AddressSid, DeploymentKey};

use crate::accounts::{Accounts, check};

/// The subcommand.
pub const ACCOUNTS: Subcommands = Subcommands { commands, run };

fn commands() -> Vec<Command> {
    let file = || {
        Arg::new("FILE")
            .value_parser(value_parser!(PathBuf))
            .help("The accounts file; default: the file of ORCHESTRATOR_ACCOUNTS_FILE")
    };
    let check = Command::new("check")
        .about("Print every problem of the file, one per line: FILE:LINE: error or warning: description")
        .after_help("Exit codes: 0 no errors, 1 errors or no such file, 2 usage error")
        .arg(file());
    let sid = |name: &'static str, help: &'static str| Arg::new(name).long(name).required(true).help(help);
    let new_deployment = Command::new("new-deployment")
        .about("Add a deployment with a random key to an account, and print the key")
        .after_help(
            "To replace a key, add a new one for the same address, change the pages, then set \
             `enabled = false` for the old one.\n\n\
             Exit codes: 0 done, 1 rejected or failed (the file is unchanged), 2 usage error",
        )
        .arg(file())
        .arg(sid("account", "The account, AC…").value_parser(value_parser!(AccountSid)))
        .arg(sid("address", "The address of its conversations, IG…").value_parser(value_parser!(AddressSid)))
        .arg(
            Arg::new("origin")
                .long("origin")
                .action(ArgAction::Append)
                .help("An origin whose pages may use it, such as https://shop.example.com; repeatable"),
        );
    vec![
        Command::new("accounts")
            .about("Check or edit the accounts file; a running service applies a change within seconds")
            .subcommand_required(true)
            .subcommands([check, new_deployment]),
    ]
}

fn run(_name: &str, arguments: &ArgMatches, settings: &Settings) -> Result<(), StartError> {
    // clap requires one of the subcommands.
    let Some((name, arguments)) = arguments.subcommand() else { return Ok(()) };
    let path = match arguments.get_one::<PathBuf>("FILE") {
        Some(path) => path.clone(),
        None => settings.parse("accounts_file", "a path")?,
    };
    let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    if name == "check" { check_file(&path, &text) } else { new_deployment(&path, &text, arguments) }
}

fn check_file(path: &Path, text: &str) -> Result<(), StartError> {
    let problems = check::problems(text);
    let mut out = stdout().lock();
    for problem in &problems {
        writeln!(out, "{}:{problem}", path.display())?;
    }
    let errors = problems.iter().filter(|problem| problem.is_fatal).count();
    let warnings = problems.len() - errors;
    if errors > 0 {
        return Err(format!("{}: {errors} errors, {warnings} warnings", path.display()).into());
    }
    let accounts = Accounts::parse(text)?;
    writeln!(out, "{}: {} accounts, {warnings} warnings", path.display(), accounts.accounts().len())?;
    Ok(())
}

fn new_deployment(path: &Path, text: &str, arguments: &ArgMatches) -> Result<(), StartError> {
    let (Some(account), Some(address)) =
        (arguments.get_one::<AccountSid>("account"), arguments.get_one::<AddressSid>("address"))
    else {
        return Err("expected --account and --address".into());
    };
    let fault = |reason: &dyn std::fmt::Display| format!("{}: {reason}", path.display());
    let accounts = Accounts::parse(text).map_err(|error| fault(&error))?;
    accounts.account(account).ok_or_else(|| fault(&format!("no account {account}")))?;
    let origins: Vec<String> = arguments
        .get_many::<String>("origin")
        .into_iter()
        .flatten()
        .map(|text| format!("{text:?}"))
        .collect();
    let key = DeploymentKey::from_bits(Random::default().u128());
    let table = format!(
        "[[account.deployment]]\nkey = \"{key}\"\naddress_sid = \"{address}\"\nallowed_origins = [{}]\n\
         enabled = true\n",
        origins.join(", ")
    );
    let changed = with_table(text, *account, &table).ok_or_else(|| fault(&"the account was not found"))?;
    let after = Accounts::parse(&changed).map_err(|error| fault(&error))?;
    let added = after.by_deployment_key(&key).is_some_and(|found| found.account.sid == *account);
    if !added || after.accounts().len() != accounts.accounts().len() {
        return Err(fault(&"the deployment would not belong to the account; add it by hand").into());
    }
    replace(path, &changed).map_err(|error| fault(&error))?;
    Ok(writeln!(stdout(), "{key}")?)
}

/// Inserts `table` at the end of the account's block, and changes nothing else.
fn with_table(text: &str, account: AccountSid, table: &str) -> Option<String> {
    let account = account.to_string();
    let is_header = |line: &str| line.trim_start().starts_with("[[account]]");
    let names_it = |line: &str| line.trim_start().starts_with("sid") && line.contains(&account);
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let named = lines.iter().position(|line| names_it(line))?;
    let next = lines.iter().skip(named).position(|line| is_header(line)).map_or(lines.len(), |at| named + at);
    let (before, after) = lines.split_at_checked(next)?;
    // Comments directly above the next account belong to it.
    let of_next = if after.is_empty() {
        0
    } else {
        before.iter().rev().take_while(|line| line.trim_start().starts_with('#')).count()
    };
    let (before, comments) = before.split_at_checked(before.len() - of_next)?;
    let before = before.concat();
    let gap = if after.is_empty() { "" } else { "\n" };
    Some([before.trim_end(), "\n\n", table, gap, &comments.concat(), &after.concat()].concat())
}

/// Replaces the file atomically, so a reader never sees half of it.
fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    let beside = path.with_extension("toml.new");
    fs::write(&beside, text)?;
    fs::set_permissions(&beside, fs::metadata(path)?.permissions())?;
    fs::rename(&beside, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# ours\n[[account]]\nsid = \"AC00000000000000000000000000000001\"\n\n\n# theirs\n\
        [[account]]\nsid = \"AC00000000000000000000000000000002\"\n";

    #[test]
    fn a_table_is_added_to_its_account_and_nothing_else_changes() {
        let with = |number| with_table(TEXT, AccountSid::from_bits(number), "new\n").unwrap();
        assert_eq!(with(1), TEXT.replace("\n\n\n# theirs", "\n\nnew\n\n# theirs"));
        assert_eq!(with(2), format!("{TEXT}\nnew\n"));
        assert_eq!(with_table(TEXT, AccountSid::from_bits(3), "new\n"), None);
    }
}
