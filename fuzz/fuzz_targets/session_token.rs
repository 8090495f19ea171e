//! Session tokens from strangers: refused or, if accepted, exactly what was issued.
#![no_main]

use hardening::session::token::TokenKeys;
use libfuzzer_sys::fuzz_target;
use signupflow_fuzz::{NOW, ring};

fuzz_target!(|text: &str| {
    let keys = TokenKeys::new(&ring(), "http://localhost".into(), "signupflow".into());
    if let Ok(claims) = keys.verify(text, NOW) {
        assert_eq!(keys.issue(&claims).expose(), text, "a second spelling of one token");
    }
});
