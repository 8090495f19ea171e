//! A text with its arguments, before it is known in which language it will be said.

use std::borrow::Cow;
use std::fmt;

use crate::{Language, Value, text};

/// What is to be said: a key of the catalogue and what is put into it. Shown with `{}`, it is English.
///
/// ```
/// use std::time::Duration;
/// use wording::{Language, Message};
///
/// let message = Message::new("detail-link-blocked").with("duration", Duration::from_secs(90));
/// assert!(message.said_in(Language::French).ends_with("pendant 1 minute 30 secondes."));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message(Box<Unsaid>);

/// Behind a pointer, so that the errors that carry a message stay small.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Unsaid {
    key: Cow<'static, str>,
    args: Vec<(&'static str, Value<'static>)>,
}

impl Message {
    /// The text of this key.
    pub fn new(key: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Unsaid { key: key.into(), args: Vec::new() }))
    }

    /// The sentence of a code of the API's registry of problems.
    pub fn of_code(code: &str) -> Self {
        Self::new(format!("problem-{code}"))
    }

    /// Puts a value into it.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Value<'static>>) -> Self {
        self.0.args.push((name, value.into()));
        self
    }

    /// Its key in the catalogue.
    pub fn key(&self) -> &str {
        &self.0.key
    }

    /// The sentence.
    pub fn said_in(&self, language: Language) -> String {
        text(language, &self.0.key, &self.0.args)
    }
}

impl fmt::Display for Message {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.said_in(Language::English))
    }
}
