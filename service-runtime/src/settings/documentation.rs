//! The settings of a service as text: for `--help`, and for docs/configuration.md.

use std::fmt::Write as _;

use super::Setting;

/// The settings as `--help` shows them.
pub fn help(prefix: &str, settings: &[Setting]) -> String {
    let mut text = String::from("Settings (environment variables):\n");
    for setting in settings {
        let variable = Setting::variable(prefix, &setting.name);
        let default = match &setting.default {
            Some(value) => format!("default {value}"),
            None if setting.is_required => "required".to_owned(),
            None => "optional".to_owned(),
        };
        let file = if setting.is_secret { format!(", or {variable}_FILE") } else { String::new() };
        let Setting { help, expected, .. } = setting;
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {variable}\n      {help} [{default}{file}; {expected}]");
    }
    text
}

/// The settings as a table in Markdown.
pub fn markdown(prefix: &str, settings: &[Setting]) -> String {
    let mut text = String::from("| setting | default | value | |\n|---|---|---|---|\n");
    for setting in settings {
        let variable = Setting::variable(prefix, &setting.name);
        let default = match &setting.default {
            Some(value) => format!("`{value}`"),
            None if setting.is_required => "required".to_owned(),
            None => "none".to_owned(),
        };
        let file = if setting.is_secret { ", also as `…_FILE`" } else { "" };
        let Setting { help, expected, .. } = setting;
        let _ = writeln!(text, "| `{variable}` | {default}{file} | {expected} | {help} |");
    }
    text
}
