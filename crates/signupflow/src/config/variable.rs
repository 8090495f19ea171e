//! [`Variable`]: one row of the table from which parsing bounds, error texts, the check for unknown names
//! and the reference are all made.

use std::fmt;

/// The heading a variable stands under in the reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Section {
    /// How and where the program runs.
    Deployment,
    /// Addresses, origins, proxies, transport security.
    Network,
    /// The relational database.
    Database,
    /// Redis.
    Redis,
    /// Keys.
    Secrets,
    /// Rate limits and lockouts.
    RateLimit,
    /// Sessions.
    Session,
    /// Cross-site request forgery.
    Csrf,
    /// The audit log.
    Audit,
    /// Security headers.
    Headers,
    /// Passwords and their reset.
    Password,
    /// The second factor.
    TwoFactor,
    /// Outgoing mail.
    Mail,
    /// Logs, metrics, alarms.
    Observability,
}

impl Section {
    /// The heading.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Deployment => "Deployment",
            Self::Network => "Network",
            Self::Database => "Database",
            Self::Redis => "Redis",
            Self::Secrets => "Secrets",
            Self::RateLimit => "Rate limits and lockouts",
            Self::Session => "Sessions",
            Self::Csrf => "CSRF protection",
            Self::Audit => "Audit log",
            Self::Headers => "Security headers",
            Self::Password => "Passwords",
            Self::TwoFactor => "Second factor",
            Self::Mail => "Mail",
            Self::Observability => "Logs, metrics and alarms",
        }
    }
}

/// What a variable may hold. `Display` gives the words for people.
#[derive(Clone, Copy, Debug)]
pub enum Allowed {
    /// On or off.
    Boolean,
    /// A whole number within bounds, both included.
    Whole {
        /// Smallest value.
        min: u32,
        /// Largest value.
        max: u32,
        /// The unit, in the plural.
        unit: &'static str,
    },
    /// One of some words, in any case.
    OneOf(&'static [&'static str]),
    /// What the words say; a function of the section checks it.
    Text(&'static str),
}

impl fmt::Display for Allowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Boolean => f.write_str("true or false (also 1/0, yes/no, on/off)"),
            Self::Whole { min, max, unit } => write!(f, "a whole number from {min} to {max} ({unit})"),
            Self::OneOf(words) => f.write_str(&words.join(" or ")),
            Self::Text(words) => f.write_str(words),
        }
    }
}

/// What holds when a variable is not set.
#[derive(Clone, Copy, Debug)]
pub enum Fallback {
    /// This value.
    Value(&'static str),
    /// A value that follows from other settings, told in words.
    Derived(&'static str),
    /// Nothing: the feature is off.
    Nothing,
}

/// One environment variable.
#[derive(Clone, Copy, Debug)]
pub struct Variable {
    /// Its name, to the letter.
    pub name: &'static str,
    /// Where it stands in the reference.
    pub section: Section,
    /// What it may hold.
    pub allowed: Allowed,
    /// What holds without it.
    pub default: Fallback,
    /// A value that is accepted; in angle brackets where no fixed value would be safe to paste.
    pub example: &'static str,
    /// What it does, in a sentence or two.
    pub description: &'static str,
    /// Whether its value is never shown, and may be read from a file named by `NAME_FILE`.
    pub secret: bool,
}

impl Variable {
    /// `NAME_FILE`, for secrets.
    pub fn file_name(&self) -> Option<String> {
        self.secret.then(|| format!("{}_FILE", self.name))
    }
}

/// Every variable, in the order of the reference.
pub fn all() -> impl Iterator<Item = &'static Variable> {
    [
        super::deployment::VARIABLES,
        super::network::VARIABLES,
        super::database::VARIABLES,
        super::redis::VARIABLES,
        super::secrets::VARIABLES,
        super::rate_limit::VARIABLES,
        super::session::VARIABLES,
        super::csrf::VARIABLES,
        super::audit::VARIABLES,
        super::headers::VARIABLES,
        super::password::VARIABLES,
        super::two_factor::VARIABLES,
        super::mail::VARIABLES,
        super::observability::VARIABLES,
    ]
    .into_iter()
    .flatten()
    .copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn names_are_unique_and_sections_in_order() {
        let names: Vec<_> = all().map(|v| v.name).collect();
        assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len());
        let sections: Vec<_> = all().map(|v| v.section).collect();
        assert!(sections.is_sorted(), "{sections:?}");
    }

    #[test]
    fn every_row_is_filled() {
        for variable in all() {
            assert!(!variable.example.is_empty() && variable.description.ends_with('.'), "{variable:?}");
        }
    }
}
