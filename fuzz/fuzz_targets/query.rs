//! Queries: read into a judged filter, or refused with a 4xx.
#![no_main]

use libfuzzer_sys::fuzz_target;
use signupflow::web::api::audit::AuditQuery;
use signupflow::web::api::audit_export::ExportQuery;
use signupflow::web::paging::ListQuery;
use signupflow::web::query::from_uri;

fuzz_target!(|text: &str| {
    let Ok(uri) = format!("/list?{text}").parse() else { return };
    match from_uri::<AuditQuery>(&uri) {
        Ok(query) => {
            if let Ok(filter) = query.filter() {
                for text in
                    [filter.q, filter.action, filter.user_id, filter.resource_id].into_iter().flatten()
                {
                    assert!(!text.is_empty() && !text.contains('\0'));
                }
            }
        }
        Err(problem) => assert!(problem.status.is_client_error()),
    }
    if let Ok(query) = from_uri::<ListQuery>(&uri) {
        let _ = query.page();
    }
    if let Err(problem) = from_uri::<ExportQuery>(&uri) {
        assert!(problem.status.is_client_error());
    }
});
