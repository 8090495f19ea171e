//! The two cookies: the session of browser pages, and the known device (RFC 6265bis).

use http::HeaderMap;
use http::header::{COOKIE, HeaderValue};

/// How long a browser keeps the device cookie.
const DEVICE_SECONDS: u64 = 180 * 24 * 3600;

/// The device cookie's name: `__Host-` binds it to this host and HTTPS.
pub const fn device_cookie_name(secure: bool) -> &'static str {
    if secure { "__Host-device" } else { "device" }
}

/// The session cookie's name.
pub const fn session_cookie_name(secure: bool) -> &'static str {
    if secure { "__Host-session" } else { "session" }
}

/// `Set-Cookie` for the device token: not for scripts, not for other sites.
pub fn set_device(token: &str, secure: bool) -> Option<HeaderValue> {
    let name = device_cookie_name(secure);
    let flag = if secure { "; Secure" } else { "" };
    let cookie = format!("{name}={token}; Path=/; Max-Age={DEVICE_SECONDS}; HttpOnly; SameSite=Strict{flag}");
    HeaderValue::try_from(cookie).ok()
}

/// `Set-Cookie` for the session of browser pages: gone with the browser, not for scripts; other sites may link here.
pub fn set_session(token: &str, secure: bool) -> Option<HeaderValue> {
    let name = session_cookie_name(secure);
    let flag = if secure { "; Secure" } else { "" };
    HeaderValue::try_from(format!("{name}={token}; Path=/; HttpOnly; SameSite=Lax{flag}")).ok()
}

/// The value of a cookie, if it is sent exactly once: two of one name mean that somebody planted one.
pub fn read<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut found = headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(cookie, _)| *cookie == name)
        .map(|(_, value)| value);
    let value = found.next()?;
    found.next().is_none().then_some(value)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn secure_cookies_have_every_attribute() {
        let cookie = set_device("abc", true).expect("plain text");
        let text = cookie.to_str().expect("ascii");
        assert!(text.starts_with("__Host-device=abc; Path=/;"));
        for part in ["HttpOnly", "SameSite=Strict", "Secure", "Max-Age=15552000"] {
            assert!(text.contains(part), "{part}");
        }
        assert!(!text.contains("Domain"));
    }

    #[test]
    fn the_session_cookie_ends_with_the_browser() {
        let cookie = set_session("abc", true).expect("plain text");
        assert_eq!(cookie, "__Host-session=abc; Path=/; HttpOnly; SameSite=Lax; Secure");
        let plain = set_session("abc", false).expect("plain text");
        assert_eq!(plain, "session=abc; Path=/; HttpOnly; SameSite=Lax");
    }

    #[test]
    fn a_planted_second_cookie_voids_both() {
        let mut headers = HeaderMap::new();
        headers.append(COOKIE, HeaderValue::from_static("a=1; device=x"));
        assert_eq!(read(&headers, "device"), Some("x"));
        headers.append(COOKIE, HeaderValue::from_static("device=y"));
        assert_eq!(read(&headers, "device"), None);
        assert_eq!(read(&headers, "Device"), None);
    }

    proptest! {
        #[test]
        fn a_cookie_is_read_if_it_was_sent_exactly_once(
            lines in prop::collection::vec(
                prop::collection::vec(("[a-c]|device|Device|__Host-device", "[!#-+./0-:<-~=-]{0,12}", " {0,2}"), 0..4),
                0..4,
            ),
            name in "[a-c]|device|__Host-device",
        ) {
            let mut headers = HeaderMap::new();
            for line in &lines {
                let pairs: Vec<_> = line.iter().map(|(name, value, space)| format!("{space}{name}={value}")).collect();
                headers.append(COOKIE, HeaderValue::try_from(pairs.join(";")).expect("plain text"));
            }
            let sent: Vec<&str> =
                lines.iter().flatten().filter(|(sent, ..)| *sent == name).map(|(_, value, _)| value.as_str()).collect();
            let expected = if sent.len() == 1 { Some(sent[0]) } else { None };
            prop_assert_eq!(read(&headers, &name), expected);
        }

        #[test]
        fn any_header_is_read_without_harm(lines in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 0..4)) {
            let mut headers = HeaderMap::new();
            for line in lines {
                if let Ok(line) = HeaderValue::try_from(line) {
                    headers.append(COOKIE, line);
                }
            }
            for name in ["device", "session", "", "a"] {
                let value = read(&headers, name);
                prop_assert!(value.is_none_or(|value| !value.contains(';') && value.is_ascii()));
            }
        }
    }
}
