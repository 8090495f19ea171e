//! Cursors of lists: refused, or an id that any store can look up.
#![no_main]

use libfuzzer_sys::fuzz_target;
use signupflow::web::paging::read_cursor;

fuzz_target!(|text: &str| {
    if let Ok(id) = read_cursor(text) {
        assert!((1..=200).contains(&id.len()));
        assert!(id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')), "{id:?}");
    }
});
