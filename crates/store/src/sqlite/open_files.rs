//! The identity of the files that the connections have open. A file that is removed or replaced meanwhile stays writable
//! for a process that has it open, and is lost when the process ends: a revocation in it would not survive a restart.

use std::{ffi::OsString, fs, io, os::unix::fs::MetadataExt as _, path::PathBuf};

use super::location::Location;
use crate::error::DatabaseError;

/// The database file and its write-ahead log; empty for a database in memory.
#[derive(Clone, Debug, Default)]
pub(super) struct OpenFiles(Vec<(PathBuf, FileId)>);

/// Device and inode.
type FileId = (u64, u64);

impl OpenFiles {
    /// The files of a location that a connection has read from, so that both exist.
    pub(super) fn of(location: &Location) -> io::Result<Self> {
        let Location::File(path) = location else { return Ok(Self::default()) };
        let mut log = OsString::from(path);
        log.push("-wal");
        let files = [path.clone(), PathBuf::from(log)].map(|path| file_id(&path).map(|id| (path, id)));
        Ok(Self(files.into_iter().collect::<Result<_, _>>()?))
    }

    /// [`DatabaseError::FileReplaced`] if a path leads to another file than at the start, or to none. Without opening
    /// them: closing a file would release this process's locks on it.
    pub(super) fn check(&self) -> Result<(), DatabaseError> {
        let is_same = |(path, id): &(PathBuf, FileId)| file_id(path).is_ok_and(|found| found == *id);
        if self.0.iter().all(is_same) { Ok(()) } else { Err(DatabaseError::FileReplaced) }
    }
}

fn file_id(path: &PathBuf) -> io::Result<FileId> {
    fs::metadata(path).map(|file| (file.dev(), file.ino()))
}
