//! What browsers report: violations of the content security policy.

use axum::body::to_bytes;
use axum::extract::Request;
use http::StatusCode;

/// Larger reports are not read.
const REPORT_LIMIT: usize = 16 * 1024;
/// How much of a report is logged.
const LOGGED: usize = 2_000;

/// Receives a violation report and logs it. Browsers cannot be told anything useful, so the answer is always
/// 204; the traffic limit of anonymous requests applies.
#[utoipa::path(post, path = "/api/csp-reports", tag = "reports",
    request_body(content = String, content_type = "application/reports+json"),
    responses((status = 204, description = "Received")))]
pub async fn csp(request: Request) -> StatusCode {
    if let Ok(body) = to_bytes(request.into_body(), REPORT_LIMIT).await {
        let text: String = String::from_utf8_lossy(&body).chars().take(LOGGED).collect();
        metrics::counter!("signupflow_csp_reports_total").increment(1);
        tracing::warn!(report = ?text, "a browser reports a violation of the content security policy");
    }
    StatusCode::NO_CONTENT
}
