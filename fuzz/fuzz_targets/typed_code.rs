//! Codes as people type them: refused, or the same code when written and read again.
#![no_main]

use hardening::secret::Secret;
use hardening::two_factor::{RecoveryCode, TypedCode};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| match TypedCode::parse(&Secret::new(text.to_owned())) {
    Ok(TypedCode::App(code)) => assert_eq!(code.to_text().expose(), text),
    Ok(TypedCode::Recovery(code)) => {
        let written = code.to_text();
        let read = RecoveryCode::parse(written.expose()).expect("what was written can be read");
        assert_eq!(read.to_text(), written);
    }
    Err(_) => {}
});
