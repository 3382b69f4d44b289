//! A yardstick's script: the bodies and headers that were recorded between the services on one path.

use std::{fs, path::Path};

use serde::{Deserialize, Serialize};

use crate::Outcome;

/// A yardstick's script: its requests to the next one, and its responses.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Script {
    /// Its requests to the next one, in order; empty for the last one.
    pub questions: Vec<Question>,
    /// Its responses by path; the first one for other paths.
    pub answers: Vec<Answer>,
}

/// A request with its body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// The path.
    pub path: String,
    /// All headers except those that the client sets itself.
    pub headers: Vec<(String, String)>,
    /// The body, which is text.
    pub body: String,
}

/// A response with its body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The path that it responds to.
    pub path: String,
    /// The status.
    pub status: u16,
    /// All headers except those that the server sets itself.
    pub headers: Vec<(String, String)>,
    /// The body, which is text.
    pub body: String,
}

impl Script {
    /// Reads the script from the file at `path`.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn load(path: &Path) -> Outcome<Self> {
        Ok(serde_json::from_slice(&fs::read(path)?)?)
    }

    /// Writes the script to the file at `path`.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn save(&self, path: &Path) -> Outcome<()> {
        Ok(fs::write(path, serde_json::to_vec(self)?)?)
    }
}
