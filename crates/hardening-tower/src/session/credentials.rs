//! Finding the token in a request.

use http::HeaderMap;
use http::header::{AUTHORIZATION, COOKIE};

use super::Transport;
use crate::header_lines::{Single, single};

/// Two different credentials in one request.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ambiguous;

/// The token as sent. What is not text comes as an empty one, which no key ever signed.
pub(super) fn token<'a>(
    headers: &'a HeaderMap,
    transport: Transport,
    cookie_name: &str,
) -> Result<Option<&'a str>, Ambiguous> {
    match transport {
        Transport::None => Ok(None),
        Transport::Bearer => bearer(headers),
        Transport::Cookie => cookie(headers, cookie_name),
    }
}

/// RFC 6750, 2.1; the scheme's name in any case (RFC 9110, 11.1). Other schemes are no credentials of ours.
fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Ambiguous> {
    let value = match single(headers, AUTHORIZATION) {
        Single::Absent => return Ok(None),
        Single::Repeated => return Err(Ambiguous),
        Single::One(value) => value,
    };
    let Some((scheme, token)) = value.split_at_checked(6) else { return Ok(None) };
    if !scheme.eq_ignore_ascii_case(b"bearer") || token.first().is_some_and(|b| *b != b' ') {
        return Ok(None);
    }
    let token = std::str::from_utf8(token).unwrap_or_default();
    Ok(Some(token.trim_start_matches(' ')))
}

/// RFC 6265bis, 5.6.3, also over several `Cookie` lines, as HTTP/2 may split them. The name is compared
/// exactly, so a look-alike of a `__Host-` name in another case is another cookie.
fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, Ambiguous> {
    let mut found = None;
    for line in headers.get_all(COOKIE) {
        for pair in line.as_bytes().split(|b| *b == b';') {
            let pair = pair.trim_ascii();
            let Some(value) = pair.strip_prefix(name.as_bytes()).and_then(|rest| rest.strip_prefix(b"="))
            else {
                continue;
            };
            let value = std::str::from_utf8(value).unwrap_or_default();
            if found.is_some_and(|before| before != value) {
                return Err(Ambiguous);
            }
            found = Some(value);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in lines {
            map.append(*name, value.parse().unwrap());
        }
        map
    }

    #[test]
    fn bearers_are_read_from_the_authorization_header_alone() {
        for (value, expected) in [
            ("Bearer abc.def", Some("abc.def")),
            ("bEaReR   abc", Some("abc")),
            ("Bearer", Some("")),
            ("Bearer ", Some("")),
            ("Bearer a b", Some("a b")),
            ("Bearerabc", None),
            ("Basic abc", None),
            ("abc", None),
            ("", None),
        ] {
            let map = headers(&[("authorization", value), ("cookie", "session=x")]);
            assert_eq!(token(&map, Transport::Bearer, "session"), Ok(expected), "{value}");
            assert_eq!(token(&map, Transport::None, "session"), Ok(None));
        }
        let twice = headers(&[("authorization", "Bearer a"), ("authorization", "Bearer a")]);
        assert_eq!(token(&twice, Transport::Bearer, "session"), Err(Ambiguous));
        assert_eq!(token(&HeaderMap::new(), Transport::Bearer, "session"), Ok(None));
    }

    #[test]
    fn cookies_are_read_by_their_exact_name() {
        const NAME: &str = "__Host-session";
        for (lines, expected) in [
            (&[("cookie", "a=b; __Host-session=abc; c=d")][..], Ok(Some("abc"))),
            (&[("cookie", "a=b"), ("cookie", "__Host-session=abc")], Ok(Some("abc"))),
            (&[("cookie", "__Host-session=abc;__Host-session=abc")], Ok(Some("abc"))),
            (&[("cookie", "__Host-session=abc; __Host-session=evil")], Err(Ambiguous)),
            (&[("cookie", "__Host-session=abc"), ("cookie", "__Host-session=evil")], Err(Ambiguous)),
            (&[("cookie", "__host-session=evil; x__Host-session=evil; __Host-session2=evil")], Ok(None)),
            (&[("cookie", "__Host-session")], Ok(None)),
            (&[("cookie", "__Host-session=")], Ok(Some(""))),
            (&[("authorization", "Bearer abc")], Ok(None)),
        ] {
            assert_eq!(token(&headers(lines), Transport::Cookie, NAME), expected, "{lines:?}");
        }
    }
}
