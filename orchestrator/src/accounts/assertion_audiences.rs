//! `assertion_audiences` of an account: the services that its guests' assertions may be for (contract, section 13).

use serde::Deserialize;
use shared_types::AssertionAudience;

/// The audiences of an account: distinct, at most [`MAX_ENTRIES`](Self::MAX_ENTRIES).
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Vec<AssertionAudience>")]
pub struct AssertionAudiences(Box<[AssertionAudience]>);

impl AssertionAudiences {
    /// Maximum number of audiences of an account.
    pub const MAX_ENTRIES: usize = 20;

    /// Whether the account lists this audience. Compared byte by byte.
    pub fn contains(&self, audience: &AssertionAudience) -> bool {
        self.0.contains(audience)
    }

    /// The audiences, in file order.
    pub fn entries(&self) -> impl Iterator<Item = &AssertionAudience> {
        self.0.iter()
    }
}

impl TryFrom<Vec<AssertionAudience>> for AssertionAudiences {
    type Error = String;

    fn try_from(entries: Vec<AssertionAudience>) -> Result<Self, String> {
        if entries.len() > Self::MAX_ENTRIES {
            return Err(format!(
                "{} assertion audiences; at most {} can be listed",
                entries.len(),
                Self::MAX_ENTRIES
            ));
        }
        for (index, entry) in entries.iter().enumerate() {
            if entries.iter().take(index).any(|earlier| earlier == entry) {
                return Err(format!("the assertion audience {:?} is listed twice", entry.as_str()));
            }
        }
        Ok(Self(entries.into()))
    }
}
