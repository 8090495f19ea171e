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
mod message;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::HashMap;
use std::time::Duration;

use fluent_templates::fluent_bundle::FluentValue;

pub use language::Language;
pub use message::Message;

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
    /// A length of time, said as [`duration`] says it.
    Duration(Duration),
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

impl From<u32> for Value<'_> {
    fn from(number: u32) -> Self {
        Self::Number(number.into())
    }
}

impl From<usize> for Value<'_> {
    fn from(number: usize) -> Self {
        Self::Number(u64::try_from(number).unwrap_or(u64::MAX))
    }
}

impl From<Duration> for Value<'_> {
    fn from(duration: Duration) -> Self {
        Self::Duration(duration)
    }
}

impl Value<'_> {
    fn said_in(&self, language: Language) -> FluentValue<'_> {
        match self {
            Self::Text(text) => FluentValue::String(Cow::Borrowed(text)),
            Self::Number(number) => FluentValue::from(*number),
            Self::Duration(length) => FluentValue::String(duration(language, *length).into()),
        }
    }
}

/// The text `key` in `language`; in English where that has none, and the key itself where nobody has one.
pub fn text(language: Language, key: &str, args: &[(&'static str, Value<'_>)]) -> String {
    let look_up = |language: Language| {
        let args: HashMap<&str, FluentValue<'_>> =
            args.iter().map(|(name, value)| (*name, value.said_in(language))).collect();
        catalogue::CATALOGUE.lookup_single_language(language.identifier(), key, Some(&args)).ok()
    };
    look_up(language).or_else(|| look_up(Language::English)).unwrap_or_else(|| key.to_owned())
}

/// A length of time as people say it, begun seconds counted as whole ones: in whole hours or minutes where that is
/// exact, else in minutes and seconds.
pub fn duration(language: Language, duration: Duration) -> String {
    let seconds = duration.as_secs() + u64::from(duration.subsec_nanos() > 0);
    let counted = |key, count: u64| text(language, key, &[("count", count.into())]);
    match seconds {
        0..60 => counted("duration-seconds", seconds),
        whole if whole % 3600 == 0 => counted("duration-hours", whole / 3600),
        whole if whole % 60 == 0 => counted("duration-minutes", whole / 60),
        other => {
            let [minutes, rest] = [("duration-minutes", other / 60), ("duration-seconds", other % 60)]
                .map(|(key, count)| counted(key, count));
            format!("{minutes} {rest}")
        }
    }
}
