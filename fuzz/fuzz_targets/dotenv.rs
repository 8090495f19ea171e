//! `.env` files: read, or refused with lines that exist and none of their text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use signupflow::config::dotenv::parse;

fuzz_target!(|text: &str| match parse(text) {
    Ok(values) => {
        for (name, value) in &values {
            assert!(name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'), "{name:?}");
            assert!(!name.is_empty() && !value.contains('\0'));
        }
    }
    Err(lines) => {
        let count = text.split('\n').count();
        assert!(!lines.is_empty() && lines.iter().all(|bad| (1..=count).contains(&bad.line)));
    }
});
