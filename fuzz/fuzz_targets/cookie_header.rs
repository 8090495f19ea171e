//! Cookie headers: a value is found only if it stands there once, and never holds a separator.
#![no_main]

use http::header::{COOKIE, HeaderMap, HeaderValue};
use libfuzzer_sys::fuzz_target;
use signupflow::web::cookies::read;

fuzz_target!(|bytes: &[u8]| {
    let mut headers = HeaderMap::new();
    for line in bytes.split(|byte| *byte == b'\n') {
        if let Ok(value) = HeaderValue::from_bytes(line) {
            headers.append(COOKIE, value);
        }
    }
    for name in ["device", "__Host-device", "session"] {
        if let Some(value) = read(&headers, name) {
            assert!(!value.contains(';'), "{value:?}");
            let before = value.to_owned();
            headers.append(COOKIE, HeaderValue::try_from(format!("{name}=planted")).expect("plain"));
            assert_eq!(read(&headers, name), None, "two of one name, beside {before:?}");
        }
    }
});
