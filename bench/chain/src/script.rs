//! What a yardstick says: the bodies and headers that the services themselves were heard to exchange on one path.

use std::{fs, path::Path};

use serde::{Deserialize, Serialize};

use crate::Outcome;

/// A yardstick's part: what it asks the next one, and what it answers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Script {
    /// What it asks the next one, one after the other; nothing, if it is the last.
    pub questions: Vec<Question>,
    /// What it answers, by the path that it is asked for; the first one, if it has none for that path.
    pub answers: Vec<Answer>,
}

/// A request with its body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// What follows `POST`.
    pub path: String,
    /// All headers but those that the client sets itself.
    pub headers: Vec<(String, String)>,
    /// The body, which is text.
    pub body: String,
}

/// A response with its body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// What it is the answer to.
    pub path: String,
    /// The status.
    pub status: u16,
    /// All headers but those that the server sets itself.
    pub headers: Vec<(String, String)>,
    /// The body, which is text.
    pub body: String,
}

impl Script {
    /// The script in the file at `path`.
    ///
    /// # Errors
    /// If there is none.
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
