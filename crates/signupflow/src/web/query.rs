//! The strict query extractor: every parameter is known, given once, and of its type.
//!
//! | what is wrong | answer |
//! |---|---|
//! | a `%` without two hexadecimal digits, bytes that are not UTF-8 | 400 `invalid_request` |
//! | a parameter given twice | 400 `duplicate_field` |
//! | an unknown, missing or wrongly typed parameter | 422 `invalid_input`, naming it |
//!
//! Names and values are percent-decoded once; `+` is a space. An optional parameter that is given
//! without a value (`?q=`), as forms do, counts as not given.

use std::collections::HashSet;

use axum::{
    extract::FromRequestParts,
    http::{Uri, request::Parts},
};
use serde::de::DeserializeOwned;
use wording::Message;

use super::{
    json::{duplicate, invalid_input, reader, tree::Tree},
    problem::Problem,
};

/// The query parameters of a request, read strictly.
#[derive(Debug, Clone, Copy)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        from_uri(&parts.uri).map(Self)
    }
}

/// Reads a `T` from the query of `uri`, by the rules of this module.
///
/// # Errors
/// 400 when the query is malformed or repeats a parameter, 422 when it does not fit `T`.
pub fn from_uri<T: DeserializeOwned>(uri: &Uri) -> Result<T, Problem> {
    from_text(uri.query().unwrap_or_default(), "query")
}

/// Reads a `T` from the `text` of a `whole` ("query" or "form"), by the rules of this module.
pub(super) fn from_text<T: DeserializeOwned>(text: &str, whole: &'static str) -> Result<T, Problem> {
    reader::read(&parse(text)?, whole).map_err(invalid_input)
}

fn parse(query: &str) -> Result<Tree, Problem> {
    let (mut seen, mut parameters) = (HashSet::new(), Vec::new());
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = (decode(name)?, decode(value)?);
        if !seen.insert(name.clone()) {
            return Err(duplicate(Message::new("detail-parameter-twice"), &name));
        }
        parameters.push((name, Tree::Parameter(value)));
    }
    Ok(Tree::Map(parameters))
}

/// A name or value of a query, percent-decoded once.
pub(super) fn decode(text: &str) -> Result<String, Problem> {
    let malformed = || Problem::of("invalid_request").with_detail(Message::new("detail-query-not-utf8"));
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => {
                let high = bytes.next().and_then(nibble).ok_or_else(malformed)?;
                let low = bytes.next().and_then(nibble).ok_or_else(malformed)?;
                high << 4 | low
            }
            b'+' => b' ',
            plain => plain,
        });
    }
    String::from_utf8(decoded).map_err(|_| malformed())
}

fn nibble(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "lowercase")]
    enum Format {
        Csv,
        Json,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    struct Filter {
        q: Option<String>,
        limit: Option<u32>,
        offset: Option<i64>,
        erase: Option<bool>,
        format: Option<Format>,
        share: Option<f64>,
    }

    #[derive(Debug, Deserialize)]
    struct Needed {
        #[expect(dead_code, reason = "only its absence is of interest")]
        token: String,
    }

    fn read(query: &str) -> Result<Filter, Problem> {
        from_uri(&format!("/list?{query}").parse().unwrap())
    }

    fn sentence(query: &str, name: &str) -> String {
        let problem = read(query).unwrap_err();
        assert_eq!(problem.code, "invalid_input");
        problem.errors.unwrap()[name][0].clone()
    }

    #[test]
    fn good_parameters_arrive() {
        let filter = read("q=a%2Bb+c%25&limit=20&offset=-3&erase=true&format=csv&share=0.5").unwrap();
        assert_eq!(filter.q.as_deref(), Some("a+b c%"));
        assert_eq!((filter.limit, filter.offset, filter.erase), (Some(20), Some(-3), Some(true)));
        assert_eq!((filter.format, filter.share), (Some(Format::Csv), Some(0.5)));
    }

    #[test]
    fn absent_and_empty_parameters_are_none() {
        assert_eq!(read("").unwrap(), read("q=&limit=&&erase&format=").unwrap());
        assert!(from_uri::<Filter>(&"/list".parse().unwrap()).is_ok());
    }

    #[test]
    fn unknown_parameters_are_refused_by_name() {
        let words = sentence("limit=1&Limit=2&drop=1", "Limit");
        assert_eq!(words, "is not a field of this request; allowed: q, limit, offset, erase, format, share");
        assert!(sentence("limit=1&drop=1", "drop").starts_with("is not a field"));
    }

    #[test]
    fn a_missing_parameter_is_named() {
        let problem = from_uri::<Needed>(&"/x".parse().unwrap()).unwrap_err();
        assert_eq!(problem.errors.unwrap()["token"], ["is required"]);
    }

    #[test]
    fn repeated_parameters_are_refused_however_they_are_written() {
        for query in ["limit=1&limit=1", "limit=1&%6Cimit=2", "q&q"] {
            assert_eq!(read(query).unwrap_err().code, "duplicate_field", "{query}");
        }
    }

    #[test]
    fn wrong_types_name_the_parameter() {
        for value in ["x", "-1", "1.5", "+1", "4294967296", "99999999999999999999999", "%201", "1e3"] {
            assert!(
                sentence(&format!("limit={value}"), "limit").starts_with("must be a whole number"),
                "{value}"
            );
        }
        assert_eq!(sentence("erase=yes", "erase"), "must be true or false");
        assert_eq!(sentence("format=xml", "format"), "must be one of: csv, json");
        assert_eq!(sentence("share=NaN", "share"), "must be a number");
    }

    #[test]
    fn malformed_encodings_are_refused() {
        for query in ["q=%", "q=%4", "q=%zz", "q=%+1", "q=%ff", "%C3=1", "q=%ED%A0%80"] {
            let problem = read(query).unwrap_err();
            assert_eq!((problem.code, problem.status.as_u16()), ("invalid_request", 400), "{query}");
        }
    }

    #[test]
    fn decoding_happens_once() {
        assert_eq!(read("q=%2541").unwrap().q.as_deref(), Some("%41"));
    }

    proptest! {
        #[test]
        fn any_query_gives_a_value_or_a_4xx(query in "[ -~]{0,60}") {
            match parse(&query).and_then(|tree| reader::read::<Filter>(&tree, "query").map_err(invalid_input)) {
                Ok(_) => {}
                Err(problem) => prop_assert!(problem.status.is_client_error()),
            }
        }

        #[test]
        fn any_text_survives_encoding(text in "\\PC*") {
            let encoded = text.bytes().fold(String::new(), |encoded, byte| format!("{encoded}%{byte:02x}"));
            prop_assert_eq!(decode(&encoded).unwrap(), text);
        }
    }
}
