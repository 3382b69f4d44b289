//! The location of a SQLite database: a file, or this process's memory.

use std::{
    fs, io,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::PathBuf,
    sync::atomic::{AtomicU64, Ordering},
};

use percent_encoding::percent_decode_str;
use rusqlite::{Connection, OpenFlags};

use crate::error::OpenError;

/// The location.
#[derive(Debug)]
pub(super) enum Location {
    File(PathBuf),
    /// The name in SQLite's memdb file system. It ends with its last connection.
    Memory(String),
}

impl Location {
    /// Parses `sqlite:PATH`, `sqlite://PATH` or `sqlite::memory:`; each of the last is a separate database. The path is
    /// percent-decoded, `%3F` for a question mark. A mode is accepted but has no effect: files are opened for writing
    /// and created if missing.
    pub(super) fn parse(url: &str) -> Result<Self, OpenError> {
        static MEMORIES: AtomicU64 = AtomicU64::new(0);
        let location = url.strip_prefix("sqlite:").ok_or(OpenError::Url)?;
        let (path, parameters) = location.split_once('?').unwrap_or((location, ""));
        let path = path.strip_prefix("//").unwrap_or(path);
        if path == ":memory:" || parameters == "mode=memory" {
            let number = MEMORIES.fetch_add(1, Ordering::Relaxed);
            return Ok(Self::Memory(format!("file:/memory-{number}?vfs=memdb")));
        }
        if !["", "mode=rw", "mode=rwc"].contains(&parameters) {
            return Err(OpenError::Url);
        }
        let path = percent_decode_str(path).decode_utf8().map_err(|_| OpenError::Url)?;
        Ok(Self::File(PathBuf::from(&*path)))
    }

    /// Creates the file and its parent directories, if missing, with access for the owner only. SQLite gives its WAL
    /// files the same mode.
    pub(super) fn create(&self) -> io::Result<()> {
        let Self::File(path) = self else { return Ok(()) };
        if let Some(directory) = path.parent() {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        }
        fs::OpenOptions::new().append(true).create(true).mode(0o600).open(path).map(drop)
    }

    /// Opens a connection. Used by one thread at a time, so it needs no mutex.
    pub(super) fn connect(&self) -> rusqlite::Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        match self {
            Self::File(path) => Connection::open_with_flags(path, flags),
            Self::Memory(name) => Connection::open_with_flags(
                name,
                flags | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_URI,
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_locates_a_file_or_memory() {
        let file = |url: &str| match Location::parse(url) {
            Ok(Location::File(path)) => path.to_str().unwrap().to_owned(),
            other => panic!("{url}: {other:?}"),
        };
        assert_eq!(file("sqlite:data/a.db"), "data/a.db");
        assert_eq!(file("sqlite://data/a.db"), "data/a.db");
        assert_eq!(file("sqlite:///data/a.db?mode=rwc"), "/data/a.db");
        assert_eq!(file("sqlite:/a%3Fb%20c.db"), "/a?b c.db");
        let memory = |url: &str| match Location::parse(url) {
            Ok(Location::Memory(name)) => name,
            other => panic!("{url}: {other:?}"),
        };
        assert_ne!(memory("sqlite::memory:"), memory("sqlite::memory:"));
        memory("sqlite://:memory:");
        memory("sqlite://a?mode=memory");
        for url in ["sqlite:a.db?mode=ro", "sqlite:a.db?vfs=unix-none", "sqlite:%ff", "mysql:a"] {
            assert!(matches!(Location::parse(url), Err(OpenError::Url)), "{url}");
        }
    }
}
