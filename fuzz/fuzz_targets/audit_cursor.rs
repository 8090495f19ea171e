//! Cursors of the audit log: refused, or the same place when written and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use signupflow::web::paging::{read_audit_cursor, write_audit_cursor};

fuzz_target!(|text: &str| {
    if let Ok(cursor) = read_audit_cursor(text) {
        assert_eq!(read_audit_cursor(&write_audit_cursor(&cursor)), Ok(cursor));
    }
});
