//! Adds tables to the text of `accounts.toml`, keeps its comments and layout, and replaces the file atomically, by one
//! command at a time.

use std::{
    fs::{self, File, OpenOptions, Permissions},
    io::{self, Write as _, stdout},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown},
    path::{Path, PathBuf},
};

use service_runtime::{command::StartError, random::Random};
use shared_types::AccountSid;

use super::fault;
use crate::accounts::Accounts;

/// An edit of the accounts file, which is locked meanwhile.
pub(super) struct Edit<'p> {
    /// As given, for errors.
    named: &'p Path,
    /// The same, with symbolic links followed: the target is replaced, not the link.
    path: PathBuf,
    /// `None` if the file does not exist.
    old: Option<String>,
    accounts: usize,
    /// An advisory lock on the folder, since the file itself is replaced. `None` on a file system without such locks.
    _lock: Option<File>,
}

impl<'p> Edit<'p> {
    /// Reads and parses the file. With `creates`, it may also be missing or have no account yet.
    pub(super) fn begin(named: &'p Path, creates: bool) -> Result<Self, StartError> {
        let path = fs::canonicalize(named).unwrap_or_else(|_| named.to_owned());
        let lock = File::open(folder(&path)).and_then(|folder| folder.lock().map(|()| folder)).ok();
        let old = read(&path).map_err(|error| fault(named, &error))?;
        let text = old.as_deref().unwrap_or_default();
        let is_comment = |line: &str| line.trim().is_empty() || line.trim_start().starts_with('#');
        let accounts = match (creates, &old) {
            (false, None) => return Err(fault(named, &io::Error::from(io::ErrorKind::NotFound))),
            (true, _) if text.lines().all(is_comment) => 0,
            _ => Accounts::parse(text).map_err(|error| fault(named, &error))?.accounts().len(),
        };
        Ok(Self { named, path, old, accounts, _lock: lock })
    }

    /// The text with an account at its end.
    pub(super) fn with_account(&self, table: &str) -> String {
        let before = self.text().trim_end();
        let gap = if before.is_empty() { "" } else { "\n\n" };
        [before, &self.with_newlines(gap), &self.with_newlines(table)].concat()
    }

    /// The text with a table at the end of this account. An error if there is no such account.
    pub(super) fn with_table(&self, account: AccountSid, table: &str) -> Result<String, StartError> {
        let [gap, end, table] = ["\n\n", "\n", table].map(|text| self.with_newlines(text));
        insert(self.text(), account, &[&gap, &table], &end)
            .ok_or_else(|| fault(self.named, &format_args!("no account {account}")))
    }

    /// Checks the new text, which has `new_accounts` more accounts, prints `output`, and replaces the file. The file is
    /// unchanged on any error, also if `output` cannot be printed.
    pub(super) fn finish(
        self,
        text: &str,
        new_accounts: usize,
        is_added: impl FnOnce(&Accounts) -> bool,
        output: &str,
    ) -> Result<(), StartError> {
        let fault = |reason: &dyn std::fmt::Display| fault(self.named, reason);
        let after = Accounts::parse(text).map_err(|error| fault(&error))?;
        if after.accounts().len() != self.accounts + new_accounts || !is_added(&after) {
            return Err(fault(&"the table would not belong to the account; add it by hand"));
        }
        let new = self.write_new(text).map_err(|error| fault(&error))?;
        if read(&self.path).map_err(|error| fault(&error))? != self.old {
            return Err(fault(&"the file was changed meanwhile; run the command again"));
        }
        let mut out = stdout().lock();
        out.write_all(output.as_bytes()).and_then(|()| out.flush())?;
        self.publish(&new).map_err(|error| fault(&error))
    }

    fn text(&self) -> &str {
        self.old.as_deref().unwrap_or_default()
    }

    /// With the line ends of the file.
    fn with_newlines(&self, text: &str) -> String {
        if self.text().contains("\r\n") { text.replace('\n', "\r\n") } else { text.to_owned() }
    }

    /// Writes the text beside the file, with the file's owner, group and mode.
    fn write_new(&self, text: &str) -> io::Result<Temporary> {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        let temporary =
            Temporary(self.path.with_file_name(format!(".{name}.{:032x}", Random::default().u128())));
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        let mut file = if self.old.is_some() {
            let old = fs::metadata(&self.path)?;
            let file = options.mode(0o600).open(&temporary.0)?;
            let new = file.metadata()?;
            if (new.uid(), new.gid()) != (old.uid(), old.gid()) {
                fchown(&file, Some(old.uid()), Some(old.gid()))?;
            }
            file.set_permissions(Permissions::from_mode(old.mode() & 0o777))?;
            file
        } else {
            options.open(&temporary.0)?
        };
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        Ok(temporary)
    }

    fn publish(&self, new: &Temporary) -> io::Result<()> {
        match self.old {
            Some(_) => fs::rename(&new.0, &self.path)?,
            // A link, unlike a rename, fails if the file was created meanwhile.
            None => fs::hard_link(&new.0, &self.path)?,
        }
        File::open(folder(&self.path))?.sync_all()
    }
}

/// A file that is removed on drop.
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        // It does not exist if it was renamed or not created.
        let _ = fs::remove_file(&self.0);
    }
}

/// The text of the file; `None` if it does not exist.
fn read(path: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Inserts `table` at the end of the account's block, and changes nothing else; `end` separates it from the next account.
fn insert(text: &str, account: AccountSid, table: &[&str], end: &str) -> Option<String> {
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
    let gap = if after.is_empty() { "" } else { end };
    Some([before.trim_end(), &table.concat(), gap, &comments.concat(), &after.concat()].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# ours\n[[account]]\nsid = \"AC00000000000000000000000000000001\"\n\n\n# theirs\n\
        [[account]]\nsid = \"AC00000000000000000000000000000002\"\n";

    #[test]
    fn a_table_is_added_to_its_account_and_nothing_else_changes() {
        let with = |number| insert(TEXT, AccountSid::from_bits(number), &["\n\n", "new\n"], "\n");
        assert_eq!(with(1).unwrap(), TEXT.replace("\n\n\n# theirs", "\n\nnew\n\n# theirs"));
        assert_eq!(with(2).unwrap(), format!("{TEXT}\nnew\n"));
        assert_eq!(with(3), None);
    }

    #[test]
    fn a_file_that_changed_meanwhile_is_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("accounts.toml");
        let text = "[[account]]\nsid = \"AC00000000000000000000000000000001\"\nwebchat_security = true\n\
            conversations_service_sid = \"IS00000000000000000000000000000001\"\n";
        for old in [None, Some("# ours\n")] {
            if let Some(old) = old {
                fs::write(&path, old).unwrap();
            }
            let edit = Edit::begin(&path, true).unwrap();
            fs::write(&path, "# an editor's\n").unwrap();
            let error = edit.finish(text, 1, |_| true, "").unwrap_err();
            assert!(error.to_string().contains("was changed meanwhile"), "{error}");
            assert_eq!(fs::read_to_string(&path).unwrap(), "# an editor's\n");
            assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "nothing else is left");
            fs::remove_file(&path).unwrap();
        }
    }
}
