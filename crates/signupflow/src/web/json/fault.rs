//! Why a tree does not fit a type, said in sentences a caller of the API can act on.
//!
//! No sentence repeats the value that was sent: it may be a password.

use std::fmt;

use serde::de::{Error, Expected, Unexpected};

/// One misfit. `path` is empty until the value it is about is known.
#[derive(Debug)]
pub(super) struct Fault {
    path: Option<String>,
    field: Option<&'static str>,
    sentence: String,
}

impl Fault {
    fn saying(sentence: impl Into<String>) -> Self {
        Self { path: None, field: None, sentence: sentence.into() }
    }

    /// Places the misfit at `path`, unless an inner value was named already.
    pub(super) fn at(mut self, path: &str) -> Self {
        let field = self.field.take();
        self.path.get_or_insert_with(|| field.map_or_else(|| path.to_owned(), |field| join(path, field)));
        self
    }

    /// The path and the sentence; `whole` names the value at the root.
    pub(super) fn into_parts(self, whole: &str) -> (String, String) {
        let Self { path, sentence, .. } = self.at("");
        (path.filter(|path| !path.is_empty()).unwrap_or_else(|| whole.to_owned()), sentence)
    }
}

/// `a.b` for the part `b` of `a`.
pub(super) fn join(path: &str, part: &str) -> String {
    if path.is_empty() { part.to_owned() } else { format!("{path}.{part}") }
}

impl Error for Fault {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::saying(message.to_string())
    }

    fn invalid_type(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::saying(must_be(&expected.to_string()))
    }

    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::saying(must_be(&expected.to_string()))
    }

    fn invalid_length(_: usize, expected: &dyn Expected) -> Self {
        Self::saying(must_be(&expected.to_string()))
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        Self::saying(format!("must be one of: {}", expected.join(", ")))
    }

    fn unknown_field(_: &str, expected: &'static [&'static str]) -> Self {
        Self::saying(unknown(expected))
    }

    fn missing_field(field: &'static str) -> Self {
        Self { field: Some(field), ..Self::saying("is required") }
    }
}

/// The sentence for a field that is none of `allowed`.
pub(super) fn unknown(allowed: &[&str]) -> String {
    if allowed.is_empty() {
        return "is not a field of this request; it takes none".to_owned();
    }
    format!("is not a field of this request; allowed: {}", allowed.join(", "))
}

fn must_be(expected: &str) -> String {
    let words = match expected {
        "a string" | "a borrowed string" | "string" => "a string",
        "a boolean" | "boolean" => "true or false",
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65535",
        "u32" => "a whole number from 0 to 4294967295",
        "u64" | "usize" | "a nonzero u32" | "a nonzero u64" => "a whole number, not negative",
        "i8" | "i16" | "i32" | "i64" | "isize" | "integer" => "a whole number",
        "f32" | "f64" | "floating point number" => "a number",
        "a sequence" => "a list",
        "a map" => "an object",
        other if other.starts_with("struct ") => "an object",
        other => other,
    };
    format!("must be {words}")
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.sentence)
    }
}

impl std::error::Error for Fault {}
