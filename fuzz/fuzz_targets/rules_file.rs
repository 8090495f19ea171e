//! Rule files: read, or refused with a line that exists.
#![no_main]

use hardening::rate_limit::{RuleSet, Settings};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match RuleSet::defaults(&Settings::default()).with_file(text) {
        Ok(rules) => {
            for method in ["GET", "POST"] {
                let _ = rules.matching(method, "/api/auth/login").count();
            }
        }
        Err(error) => {
            assert!((1..=text.matches('\n').count() + 1).contains(&error.line), "line {}", error.line);
            assert!(!error.reason.is_empty());
        }
    }
});
