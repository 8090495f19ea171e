//! What people read, in their language: the texts of mails and of the API's messages.
//!
//! * Texts are Fluent messages in `locales/LANGUAGE/*.ftl`, built into the program; every language has the same
//!   keys with the same arguments, which a test proves.
//! * Arguments are put in as they are, without bidirectional isolation marks: whoever shows a text as HTML escapes
//!   it as a whole.
//! * What is not known is English: a language, and, should a text be missing after all, the text.
//!
//! ```
//! use wording::{Language, text};
//!
//! let language = Language::for_tag("es-MX");
//! assert_eq!(text(language, "duration-minutes", &[("count", 15_u64.into())]), "15 minutos");
//! ```

mod language;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::HashMap;
use std::time::Duration;

use fluent_templates::fluent_bundle::FluentValue;

pub use language::Language;

/// A macro makes the catalogue, without documents and with more visibility than is needed.
mod catalogue {
    fluent_templates::static_loader! {
        pub(crate) static CATALOGUE = {
            locales: "./locales",
            fallback_language: "en",
            customise: |bundle| bundle.set_use_isolating(false),
        };
    }
}

/// What is put into a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// Words, as they are.
    Text(Cow<'a, str>),
    /// A number, which also chooses between singular and plural.
    Number(u64),
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Value<'_> {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl From<u64> for Value<'_> {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

impl<'a> From<&'a Value<'_>> for FluentValue<'a> {
    fn from(value: &'a Value<'_>) -> Self {
        match value {
            Value::Text(text) => FluentValue::String(Cow::Borrowed(text)),
            Value::Number(number) => FluentValue::from(*number),
        }
    }
}

/// The text `key` in `language`; in English where that has none, and the key itself where nobody has one.
pub fn text(language: Language, key: &str, args: &[(&'static str, Value<'_>)]) -> String {
    let args: HashMap<&str, FluentValue<'_>> =
        args.iter().map(|(name, value)| (*name, FluentValue::from(value))).collect();
    let look_up = |language: Language| {
        catalogue::CATALOGUE.lookup_single_language(language.identifier(), key, Some(&args)).ok()
    };
    look_up(language).or_else(|| look_up(Language::English)).unwrap_or_else(|| key.to_owned())
}

/// A length of time in the largest unit that says it exactly, begun seconds counted as whole ones.
pub fn duration(language: Language, duration: Duration) -> String {
    let seconds = duration.as_secs() + u64::from(duration.subsec_nanos() > 0);
    let (key, count) = match seconds {
        0 => ("duration-seconds", 0),
        whole if whole % 3600 == 0 => ("duration-hours", whole / 3600),
        whole if whole % 60 == 0 => ("duration-minutes", whole / 60),
        other => ("duration-seconds", other),
    };
    text(language, key, &[("count", count.into())])
}
