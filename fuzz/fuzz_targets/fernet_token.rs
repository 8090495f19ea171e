//! Stored Fernet tokens: nothing opens that was not written under the key.
#![no_main]

use hardening::secret::Secret;
use hardening::two_factor::Fernet;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|token: &str| {
    let fernet = Fernet::new([Secret::new([7; 32])]).expect("a key");
    assert!(fernet.decrypt(token).is_err());
});
