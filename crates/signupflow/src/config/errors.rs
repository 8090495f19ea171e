//! What is wrong with a configuration, all of it in one message.

use std::fmt;

use super::variable::Variable;

/// Longest piece of a value that a message repeats, in characters.
const SHOWN: usize = 80;

/// One wrong setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The variable, or the line of the `.env` file.
    pub subject: String,
    /// What it holds, in words: the quoted value, `is not set`, or a mask.
    pub held: String,
    /// What is wrong with that.
    pub reason: String,
    /// What is allowed.
    pub allowed: String,
    /// A line that would be accepted.
    pub example: String,
}

impl ConfigError {
    /// About a variable; `value` is masked when the variable is a secret.
    pub(super) fn about(variable: &Variable, value: Option<&str>, reason: impl Into<String>) -> Self {
        Self {
            subject: variable.name.to_owned(),
            held: held(value, variable.secret),
            reason: reason.into(),
            allowed: variable.allowed.to_string(),
            example: format!("{}={}", variable.name, variable.example),
        }
    }
}

fn held(value: Option<&str>, secret: bool) -> String {
    match value {
        None => "is not set".to_owned(),
        Some(value) if secret => format!("is set (not shown, {} characters)", value.chars().count()),
        Some(value) => format!("is {:?}", shortened(&without_credentials(value))),
    }
}

fn shortened(value: &str) -> String {
    match value.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &value[..end]),
        None => value.to_owned(),
    }
}

/// Somebody may have put a password into a URL that should have none, and left its scheme out as well.
fn without_credentials(value: &str) -> String {
    let Some((before, rest)) = value.rsplit_once('@') else { return value.to_owned() };
    match before.split_once("://") {
        Some((scheme, _)) => format!("{scheme}://***@{rest}"),
        None if before.contains(':') => format!("***@{rest}"),
        None => value.to_owned(),
    }
}

/// What is wrong with one configuration, and what its operator should know besides. `Display` is the message for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ConfigErrors {
    /// Every wrong setting; never empty.
    pub errors: Vec<ConfigError>,
    /// Sentences for people; none shows a secret.
    pub warnings: Vec<String>,
}

impl From<Vec<ConfigError>> for ConfigErrors {
    fn from(errors: Vec<ConfigError>) -> Self {
        Self { errors, warnings: Vec::new() }
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.errors.len() {
            1 => writeln!(f, "one setting is wrong:")?,
            count => writeln!(f, "{count} settings are wrong:")?,
        }
        for error in &self.errors {
            writeln!(f, "\n  {} {}", error.subject, error.held)?;
            writeln!(f, "    problem:  {}", error.reason)?;
            writeln!(f, "    allowed:  {}", error.allowed)?;
            writeln!(f, "    example:  {}", error.example)?;
        }
        if !self.warnings.is_empty() {
            writeln!(f)?;
        }
        for warning in &self.warnings {
            writeln!(f, "  warning: {warning}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_shortened_escaped_and_stripped_of_credentials() {
        assert_eq!(held(Some("a\nb"), false), r#"is "a\nb""#);
        assert_eq!(held(Some("https://me:pw@host/x"), false), r#"is "https://***@host/x""#);
        assert_eq!(held(Some("me:pw@host/x"), false), r#"is "***@host/x""#);
        assert_eq!(held(Some("me:p@w@host"), false), r#"is "***@host""#);
        assert_eq!(held(Some("me@host"), false), r#"is "me@host""#, "a mail address, or a user's name alone");
        assert!(held(Some(&"é".repeat(200)), false).chars().count() < 100);
        assert_eq!(held(Some("hunter2"), true), "is set (not shown, 7 characters)");
        assert_eq!(held(None, false), "is not set");
    }
}
