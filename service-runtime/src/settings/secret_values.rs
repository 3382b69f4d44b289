//! The text of a secret, inline or from a file.

use std::{fs, path::Path};

use super::{Environment, Setting, SettingError};
use crate::operator_file::{BYTE_ORDER_MARK, warn_if_exposed};

impl Environment {
    /// The text of a secret, inline or from its file (`…_FILE`), without surrounding white space; `None` if neither is set.
    pub(super) fn secret(&self, setting: &Setting) -> Result<Option<String>, SettingError> {
        let name = &setting.name;
        let file_name = format!("{name}_file");
        // As for other settings with a default, an empty value counts as not set.
        let has_default = setting.default.is_some();
        let given = |name: &str| self.given(name).filter(|value| !(has_default && value.is_empty()));
        let text = match (given(name), given(&file_name)) {
            (None, None) => return Ok(None),
            (Some(_), Some(_)) => return Err(self.error(name, "is set both inline and as a file")),
            (Some(inline), None) => inline.to_owned(),
            (None, Some(path)) => {
                let text = fs::read_to_string(path).map_err(|error| {
                    self.error(&file_name, format_args!("cannot be read: {}", error.kind()))
                })?;
                warn_if_exposed(Path::new(path));
                text
            }
        };
        match text.trim() {
            "" => Err(self.error(name, "is empty")),
            // It is invisible, and no caller would have it.
            text if text.starts_with(BYTE_ORDER_MARK) => {
                Err(self.error(name, "begins with a byte order mark; save it as UTF-8 without one"))
            }
            trimmed => Ok(Some(trimmed.to_owned())),
        }
    }
}
