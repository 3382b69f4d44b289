//! Files that an operator provides: text editors begin some with a byte order mark, and a secret may be readable by
//! others.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

/// UTF-8's byte order mark.
pub const BYTE_ORDER_MARK: char = '\u{feff}';

/// Where container engines mount secrets: readable by all users, of which a container has one.
const CONTAINER_SECRETS: &str = "/run/secrets";

/// Permissions of all other users.
const OTHERS: u32 = 0o007;

/// The content without the byte order mark at its beginning.
pub fn without_byte_order_mark(content: &[u8]) -> &[u8] {
    content.strip_prefix("\u{feff}".as_bytes()).unwrap_or(content)
}

/// Logs a warning if every user of this machine may access a file with a secret.
pub fn warn_if_exposed(path: &Path) {
    if let Some(mode) = exposed_mode(path) {
        tracing::warn!(
            file = %path.display(),
            mode = format!("{mode:04o}"),
            "file with a secret is accessible to all users: remove their access, chmod o= FILE"
        );
    }
}

/// The mode of a file that all users may access, except where a container engine put it.
fn exposed_mode(path: &Path) -> Option<u32> {
    let mode = fs::metadata(path).ok()?.permissions().mode() & 0o7777;
    let is_of_engine = fs::canonicalize(path).is_ok_and(|path| path.starts_with(CONTAINER_SECRETS));
    (mode & OTHERS != 0 && !is_of_engine).then_some(mode)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_exposed_by_the_access_of_others() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for (mode, is_exposed) in
            [(0o600, false), (0o640, false), (0o644, true), (0o604, true), (0o602, true)]
        {
            fs::set_permissions(file.path(), fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(exposed_mode(file.path()), is_exposed.then_some(mode), "{mode:o}");
        }
        assert_eq!(exposed_mode(Path::new("/nonexistent")), None);
    }

    #[test]
    fn only_a_leading_byte_order_mark_is_removed() {
        for (content, rest) in [("\u{feff}a\u{feff}", "a\u{feff}"), ("a\u{feff}", "a\u{feff}"), ("", "")] {
            assert_eq!(without_byte_order_mark(content.as_bytes()), rest.as_bytes());
        }
    }
}
