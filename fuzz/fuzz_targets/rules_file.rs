//! Rule files: read, or refused with a line that exists.
#![no_main]

use hardening::rate_limit::{Algorithm, RuleSet, Settings};
use libfuzzer_sys::fuzz_target;

/// The routes there are.
fn known(route: &str) -> Result<(), String> {
    if route.starts_with("/api/") { Ok(()) } else { Err("there is no such route".to_owned()) }
}

fuzz_target!(|text: &str| {
    match RuleSet::defaults(&Settings::default()).with_file(text, known) {
        Ok(rules) => {
            for algorithm in [Algorithm::Gcra, Algorithm::SlidingWindow] {
                for method in ["GET", "POST"] {
                    let _ = rules.matching(algorithm, method, "/api/auth/login").count();
                }
            }
        }
        Err(error) => {
            assert!((1..=text.matches('\n').count() + 1).contains(&error.line), "line {}", error.line);
            assert!(!error.reason.is_empty());
        }
    }
});
