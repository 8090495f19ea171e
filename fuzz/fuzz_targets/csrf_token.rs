//! CSRF tokens from strangers: only the one issued is accepted, for its session only.
#![no_main]

use std::time::Duration;

use hardening::csrf::CsrfKeys;
use libfuzzer_sys::fuzz_target;
use signupflow_fuzz::{NOW, ring, session_id};

fuzz_target!(|text: &str| {
    let keys = CsrfKeys::new(&ring(), Duration::from_secs(3600));
    if keys.verify(Some(text), &session_id(1), NOW).is_ok() {
        assert!(keys.verify(Some(text), &session_id(2), NOW).is_err(), "valid for another session");
        assert!(
            keys.verify(Some(text), &session_id(1), NOW + Duration::from_secs(7200)).is_err(),
            "never ends"
        );
        assert!(keys.verify(Some(&format!("{text}A")), &session_id(1), NOW).is_err(), "a second spelling");
    }
});
