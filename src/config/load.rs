//! From files and environment to a checked [`Config`], reporting every mistake found.
//!
//! Order, later wins: built-in defaults, the file, environment variables. A variable
//! `FIRSTBELL_<SECTION>__<KEY>` sets one key: `FIRSTBELL_MEDIA__BASE_PORT=50000`. Its value is read as a
//! TOML value (`true`, `12`, `["a", "b"]`) and, where it is none, as a plain string.

use std::fmt;
use std::path::Path;

use serde::de::DeserializeOwned;
use toml::{Table, Value};

use super::meant::Config;
use super::written::Written;

pub const ENVIRONMENT_PREFIX: &str = "FIRSTBELL_";

/// Everything that is wrong with the configuration.
#[derive(Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// One line per mistake, each naming its key as `section.key`.
    pub mistakes: Vec<String>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "the configuration has {} mistake(s):",
            self.mistakes.len()
        )?;
        for mistake in &self.mistakes {
            writeln!(f, "  - {mistake}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

/// Reads `file` (none: defaults) and this process's environment.
///
/// # Errors
/// The file cannot be read, is not TOML, has unknown keys, or has values that make no sense; all
/// mistakes together.
pub fn load(file: Option<&Path>) -> Result<Config, ConfigError> {
    let text = match file {
        None => String::new(),
        Some(path) => std::fs::read_to_string(path).map_err(|error| ConfigError {
            mistakes: vec![format!("cannot read {}: {error}", path.display())],
        })?,
    };
    from_sources(&text, std::env::vars())
}

/// The same from a text and a list of environment variables.
///
/// # Errors
/// As [`load`].
pub fn from_sources(
    text: &str,
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<Config, ConfigError> {
    let mut mistakes = Vec::new();
    let mut table = match text.parse::<Table>() {
        Ok(table) => table,
        Err(error) => {
            return Err(ConfigError {
                mistakes: vec![error.to_string()],
            });
        }
    };
    apply_environment(&mut table, environment, &mut mistakes);
    let written = read_sections(&mut table, &mut mistakes);
    let config = Config::from_written(&written, &mut mistakes);
    match config {
        Some(config) if mistakes.is_empty() => Ok(config),
        _ => Err(ConfigError { mistakes }),
    }
}

fn apply_environment(
    table: &mut Table,
    environment: impl IntoIterator<Item = (String, String)>,
    mistakes: &mut Vec<String>,
) {
    for (name, value) in environment {
        let Some(path) = name.strip_prefix(ENVIRONMENT_PREFIX) else {
            continue;
        };
        // Variables without a section are the program's own switches (FIRSTBELL_CONFIG).
        let Some((section, key)) = path.split_once("__") else {
            continue;
        };
        let (section, key) = (section.to_ascii_lowercase(), key.to_ascii_lowercase());
        let entry = table
            .entry(section)
            .or_insert_with(|| Value::Table(Table::new()));
        match entry {
            Value::Table(keys) => {
                keys.insert(key, environment_value(&value));
            }
            _ => mistakes.push(format!("{name}: the section is not a table in the file")),
        }
    }
}

fn environment_value(text: &str) -> Value {
    format!("value = {text}")
        .parse::<Table>()
        .ok()
        .and_then(|mut table| table.remove("value"))
        .unwrap_or_else(|| Value::String(text.to_owned()))
}

fn read_sections(table: &mut Table, mistakes: &mut Vec<String>) -> Written {
    let written = Written {
        http: section(table, "http", mistakes),
        media: section(table, "media", mistakes),
        handshake: section(table, "handshake", mistakes),
        tokens: section(table, "tokens", mistakes),
        limits: section(table, "limits", mistakes),
        admission: section(table, "admission", mistakes),
        signaling: section(table, "signaling", mistakes),
        dev: section(table, "dev", mistakes),
        log: section(table, "log", mistakes),
    };
    for name in table.keys() {
        mistakes.push(format!(
            "{name}: no such section (known: {})",
            Written::SECTIONS.join(", ")
        ));
    }
    written
}

fn section<T: DeserializeOwned + Default>(
    table: &mut Table,
    name: &str,
    mistakes: &mut Vec<String>,
) -> T {
    let Some(value) = table.remove(name) else {
        return T::default();
    };
    let mut unknown = Vec::new();
    let read = serde_ignored::deserialize(value, |path| unknown.push(path.to_string()));
    mistakes.extend(
        unknown
            .into_iter()
            .map(|key| format!("{name}.{key}: no such key")),
    );
    read.unwrap_or_else(|error: toml::de::Error| {
        mistakes.push(format!("{name}: {}", error.message()));
        T::default()
    })
}
