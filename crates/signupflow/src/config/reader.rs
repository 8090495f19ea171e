//! Reads variables one by one and collects everything that is wrong, so that one start tells it all.

use std::fs::File;
use std::io::Read as _;
use std::time::Duration;

use hardening::secret::Secret;

use super::deployment::Environment;
use super::errors::ConfigError;
use super::source::Source;
use super::variable::{Allowed, Fallback, Variable};

/// Largest file behind a `NAME_FILE`, in bytes.
const LARGEST_SECRET_FILE: u64 = 65_536;

/// Collects errors and warnings over the sections. After an error a section goes on with the default; the
/// result is thrown away in the end.
pub(super) struct Reader<'a> {
    source: &'a dyn Source,
    /// What the deployment section has found; development until then.
    pub(super) environment: Environment,
    pub(super) errors: Vec<ConfigError>,
    pub(super) warnings: Vec<String>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(source: &'a dyn Source) -> Self {
        let (errors, warnings) = (Vec::new(), Vec::new());
        Self { source, environment: Environment::Development, errors, warnings }
    }

    pub(super) fn in_production(&self) -> bool {
        self.environment == Environment::Production
    }

    pub(super) fn wrong(&mut self, variable: &Variable, value: Option<&str>, reason: impl Into<String>) {
        self.errors.push(ConfigError::about(variable, value, reason));
    }

    pub(super) fn warn(&mut self, text: impl Into<String>) {
        self.warnings.push(text.into());
    }

    /// The value, trimmed; `None` when unset, empty or wrong.
    pub(super) fn text(&mut self, variable: &Variable) -> Option<String> {
        let direct = self.set(variable.name);
        let value = match variable.file_name() {
            Some(file_name) => self.direct_or_file(variable, direct, &file_name)?,
            None => direct?,
        };
        if value.contains(['\u{fffd}', '\0']) {
            self.wrong(variable, Some(&value), "it is not clean UTF-8 text");
            return None;
        }
        Some(value)
    }

    fn set(&self, name: &str) -> Option<String> {
        self.source.get(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    /// The value as it stands, for a look before it is judged.
    pub(super) fn text_unchecked(&self, variable: &Variable) -> Option<String> {
        self.set(variable.name)
    }

    fn direct_or_file(&mut self, variable: &Variable, direct: Option<String>, file: &str) -> Option<String> {
        match (direct, self.set(file)) {
            (Some(value), Some(_)) => {
                let reason = format!("{file} is set too, and it is not clear which of the two counts");
                self.wrong(variable, Some(&value), reason);
                None
            }
            (Some(value), None) => Some(value),
            (None, Some(path)) => self.secret_file(variable, file, &path),
            (None, None) => None,
        }
    }

    fn secret_file(&mut self, variable: &Variable, file: &str, path: &str) -> Option<String> {
        let problem = match read_secret(path) {
            Ok(text) if !text.is_empty() => return Some(text),
            Ok(_) => "the file is empty".to_owned(),
            Err(problem) => problem,
        };
        let mut error = ConfigError::about(variable, None, problem);
        file.clone_into(&mut error.subject);
        error.held = format!("is {path:?}");
        error.allowed = format!("the path of a readable file that holds: {}", variable.allowed);
        error.example = format!("{file}=/run/secrets/{}", variable.name.to_ascii_lowercase());
        self.errors.push(error);
        None
    }

    /// As [`Self::text`], kept secret.
    pub(super) fn secret(&mut self, variable: &Variable) -> Option<Secret<String>> {
        self.text(variable).map(Secret::new)
    }

    /// What `parse` makes of the value; its error is the reason shown.
    pub(super) fn parsed<T>(
        &mut self,
        variable: &Variable,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let text = self.text(variable)?;
        match parse(&text) {
            Ok(value) => Some(value),
            Err(reason) => {
                self.wrong(variable, Some(&text), reason);
                None
            }
        }
    }

    /// Each part of a comma-separated list; empty parts are skipped.
    pub(super) fn list<T>(
        &mut self,
        variable: &Variable,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Vec<T> {
        let parts = |text: &str| parts_of(text).map(&parse).collect::<Result<_, _>>();
        self.parsed(variable, parts).unwrap_or_default()
    }

    pub(super) fn boolean_or(&mut self, variable: &Variable, default: bool) -> bool {
        self.parsed(variable, parse_boolean).unwrap_or(default)
    }

    /// A boolean with a fixed default.
    pub(super) fn boolean(&mut self, variable: &Variable) -> bool {
        self.boolean_or(variable, default_of(variable) == "true")
    }

    /// A number within the bounds of the table; with a fixed default.
    pub(super) fn whole(&mut self, variable: &Variable) -> u32 {
        let default = default_of(variable).parse().unwrap_or_default();
        self.parsed(variable, |text| parse_whole(text, variable)).unwrap_or(default)
    }

    /// A number of seconds, this many where it is not set.
    pub(super) fn seconds_or(&mut self, variable: &Variable, default: u32) -> Duration {
        let seconds = self.parsed(variable, |text| parse_whole(text, variable)).unwrap_or(default);
        Duration::from_secs(seconds.into())
    }

    /// A number of seconds.
    pub(super) fn seconds(&mut self, variable: &Variable) -> Duration {
        Duration::from_secs(self.whole(variable).into())
    }

    /// One of the words of the table, as the table spells it.
    pub(super) fn word(&mut self, variable: &Variable) -> Option<&'static str> {
        let Allowed::OneOf(words) = variable.allowed else { return None };
        self.parsed(variable, |text| {
            let found = words.iter().find(|word| word.eq_ignore_ascii_case(text));
            found.copied().ok_or_else(|| "it is none of the allowed words".to_owned())
        })
    }
}

/// The parts of a comma-separated list.
pub(super) fn parts_of(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty())
}

const fn default_of(variable: &Variable) -> &'static str {
    match variable.default {
        Fallback::Value(value) => value,
        Fallback::Derived(_) | Fallback::Nothing => "",
    }
}

fn parse_boolean(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err("it is neither on nor off".to_owned()),
    }
}

fn parse_whole(text: &str, variable: &Variable) -> Result<u32, String> {
    let Allowed::Whole { min, max, .. } = variable.allowed else {
        return Err("it is not a number".to_owned());
    };
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err("it is not a whole number (digits only)".to_owned());
    }
    match text.parse::<u32>() {
        Ok(value) if value < min => Err("it is too small".to_owned()),
        Ok(value) if value <= max => Ok(value),
        _ => Err("it is too large".to_owned()),
    }
}

/// The text of a file without one trailing newline.
fn read_secret(path: &str) -> Result<String, String> {
    let unreadable = |error: std::io::Error| format!("the file cannot be read: {error}");
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(LARGEST_SECRET_FILE + 1).read_to_end(&mut bytes))
        .map_err(unreadable)?;
    if bytes.len() as u64 > LARGEST_SECRET_FILE {
        return Err(format!("the file is larger than {LARGEST_SECRET_FILE} bytes"));
    }
    let mut text = String::from_utf8(bytes).map_err(|_| "the file is not UTF-8 text".to_owned())?;
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn booleans_in_any_case() {
        for yes in ["true", "TRUE", "1", "Yes", "oN"] {
            assert_eq!(parse_boolean(yes), Ok(true));
        }
        for no in ["false", "False", "0", "NO", "off"] {
            assert_eq!(parse_boolean(no), Ok(false));
        }
        for bad in ["", "2", "y", "enabled", "true false"] {
            assert!(parse_boolean(bad).is_err(), "{bad}");
        }
    }
}
