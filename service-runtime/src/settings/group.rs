//! Errors of `envy` that say which field they are about. Without this, it names no field in the error of a value.

use serde::{Deserialize, Deserializer, de::Error as _};
use serde_path_to_error::Track;

/// Deserialises a group of settings, a field with `#[serde(flatten)]`. Its errors start with the name of the field, as
/// `NAME: REASON`; serde's own code for flattened structs loses it.
pub fn group<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    let mut track = Track::new();
    let deserializer = serde_path_to_error::Deserializer::new(deserializer, &mut track);
    T::deserialize(deserializer).map_err(|error| {
        let path = track.path();
        // A missing field, which the error names itself, or the error of a group within this one.
        if path.iter().next().is_none() { error } else { D::Error::custom(format_args!("{path}: {error}")) }
    })
}

/// The outermost group.
pub(super) struct Located<T>(pub(super) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Located<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        group(deserializer).map(Self)
    }
}
