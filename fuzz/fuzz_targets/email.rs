//! E-mail addresses: refused, or one plain address with one stable canonical form.
#![no_main]

use hardening::email::EmailAddress;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(address) = EmailAddress::parse(text) else { return };
    let again = EmailAddress::parse(&address.canonical).expect("a canonical form is an address");
    assert_eq!(again.canonical, address.canonical, "not stable");
    let typed = EmailAddress::parse(&address.typed).expect("what was stored is an address");
    assert_eq!(typed, address);
    for form in [&address.typed, &address.canonical, &address.deliverable()] {
        assert_eq!(form.matches('@').count(), 1, "{form:?}");
        let splits =
            |c: char| c.is_control() || c.is_whitespace() || matches!(c, ',' | ';' | '<' | '>' | '"' | '%');
        assert!(!form.contains(splits), "{form:?}");
    }
    let (_, domain) = address.canonical.split_once('@').expect("checked");
    assert!(domain.is_ascii() && address.canonical.len() <= 254);
});
