//! Device cookies from strangers: refused or, if accepted, exactly what was issued.
#![no_main]

use hardening::device::DeviceKeys;
use libfuzzer_sys::fuzz_target;
use signupflow_fuzz::{NOW, ring};

fuzz_target!(|text: &str| {
    let keys = DeviceKeys::new(&ring());
    if let Some(claims) = keys.verify(text, NOW) {
        let again = keys.issue(&claims.person_id, &claims.device_id, claims.device_epoch, claims.issued_at);
        assert_eq!(again.expose(), text, "a second spelling of one cookie");
    }
});
