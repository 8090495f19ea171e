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
}
