//! Request bodies: read as the other parser reads them, or refused with a 4xx.
#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;
use serde::de::DeserializeOwned;
use serde_json::Value;
use signupflow::web::api::auth::SignupBody;
use signupflow::web::api::events::EventInputBody;
use signupflow::web::api::organizations::OrganizationUpdateBody;
use signupflow::web::json::from_bytes;

fn client_error<T: DeserializeOwned>(bytes: &[u8]) -> bool {
    match from_bytes::<T>(bytes) {
        Ok(_) => true,
        Err(problem) => {
            assert!(problem.status.is_client_error(), "{}", problem.code);
            false
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    if let Ok(read) = from_bytes::<BTreeMap<String, Value>>(bytes) {
        let text: &[u8] = if bytes.is_empty() { b"{}" } else { bytes };
        let other: BTreeMap<String, Value> = serde_json::from_slice(text).expect("what is read is JSON");
        assert_eq!(read, other);
    }
    let typed = client_error::<EventInputBody>(bytes)
        | client_error::<OrganizationUpdateBody>(bytes)
        | client_error::<SignupBody>(bytes);
    if typed {
        assert!(client_error::<BTreeMap<String, Value>>(bytes), "a typed body that is no object");
    }
});
