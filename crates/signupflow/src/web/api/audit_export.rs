//! Exporting the audit log: streamed in constant memory, as CSV, a JSON array, or JSON lines.

use accounts::audit_queries;
use accounts::ports::{AuditRow, AuditRows};
use accounts::{Refusal, ports::AuditFilter};
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use hardening::fault::Fault;
use http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use serde::Deserialize;
use utoipa::IntoParams;

use super::audit::AuditQuery;
use crate::web::extract::{Context, SignedIn};
use crate::web::openapi::ProblemBody;
use crate::web::query::Query;
use crate::web::refusals::Outcome;
use crate::web::run_to_end::run_to_end;
use crate::web::state::AppState;

/// Rows gathered into one chunk of the response.
const ROWS_A_CHUNK: usize = 256;

/// Which rows, in which form.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ExportQuery {
    /// `csv`, `json` (one array) or `ndjson` (one row a line).
    pub format: Option<String>,
    /// RFC 3339 time or a day, inclusive.
    pub start_date: Option<String>,
    /// RFC 3339 time, exclusive; or a day, inclusive.
    pub end_date: Option<String>,
    /// Must be your own organization.
    pub org_id: Option<String>,
}

/// The form of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportFormat {
    /// RFC 4180, with cells neutralised that a spreadsheet would run.
    Csv,
    /// One array.
    Json,
    /// One row a line.
    Ndjson,
}

impl ExportFormat {
    /// Reads the parameter.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "csv" => Some(Self::Csv),
            "json" => Some(Self::Json),
            "ndjson" => Some(Self::Ndjson),
            _ => None,
        }
    }

    const fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::Json => "application/json",
            Self::Ndjson => "application/x-ndjson",
        }
    }

    /// As it is asked for, and as its files end.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Json => "json",
            Self::Ndjson => "ndjson",
        }
    }
}

/// Export the audit log. For admins with a fresh session; exporting is itself recorded.
#[utoipa::path(get, path = "/api/audit/export", tag = "audit", security(("bearer" = [])), params(ExportQuery), responses(
    (status = 200, description = "An attachment, oldest row first", content_type = "text/csv", body = String),
    (status = 401, description = "step_up_required", body = ProblemBody),
    (status = "4XX", description = "forbidden, invalid_input", body = ProblemBody),
))]
pub async fn export(
    State(state): State<AppState>,
    Context(context): Context,
    SignedIn(principal): SignedIn,
    Query(query): Query<ExportQuery>,
) -> Outcome<Response> {
    let format = ExportFormat::parse(query.format.as_deref().unwrap_or("csv"))
        .ok_or_else(|| Refusal::field("format", "must be csv, json or ndjson"))?;
    let dates = AuditQuery { start_date: query.start_date, end_date: query.end_date, ..Default::default() };
    let filter: AuditFilter = dates.filter()?;
    let services = state.services.clone();
    let name = format.extension();
    let rows =
        run_to_end(async move { audit_queries::export(&services, &context, &principal, filter, name).await })
            .await?;
    let headers = [
        (CONTENT_TYPE, format.media_type().to_owned()),
        (CONTENT_DISPOSITION, format!("attachment; filename=\"audit-log.{}\"", format.extension())),
        (CACHE_CONTROL, "no-store".to_owned()),
    ];
    Ok((headers, Body::from_stream(written(rows, format))).into_response())
}

/// The rows as bytes, chunk by chunk. A fault in the middle breaks the stream off, so that the client sees an
/// incomplete transfer rather than a short file.
pub fn written(rows: AuditRows, format: ExportFormat) -> impl Stream<Item = Result<Bytes, Fault>> {
    let head = match format {
        ExportFormat::Csv => csv_line(&COLUMNS.map(str::to_owned)),
        ExportFormat::Json => "[".to_owned(),
        ExportFormat::Ndjson => String::new(),
    };
    let tail = if format == ExportFormat::Json { "\n]\n" } else { "" };
    let mut first = true;
    let body = rows.chunks(ROWS_A_CHUNK).map(move |chunk| {
        let mut out = String::with_capacity(chunk.len() * 512);
        for row in chunk {
            let row = row?;
            match format {
                ExportFormat::Csv => out.push_str(&csv_line(&cells(&row))),
                ExportFormat::Json => {
                    out.push_str(if std::mem::take(&mut first) { "\n" } else { ",\n" });
                    out.push_str(&json_line(&row)?);
                }
                ExportFormat::Ndjson => {
                    out.push_str(&json_line(&row)?);
                    out.push('\n');
                }
            }
        }
        Ok(Bytes::from(out))
    });
    let once = |text: String| futures_util::stream::iter((!text.is_empty()).then(|| Ok(Bytes::from(text))));
    once(head).chain(body).chain(once(tail.to_owned()))
}

const COLUMNS: [&str; 16] = [
    "id",
    "timestamp",
    "org_id",
    "user_id",
    "user_email",
    "user_roles",
    "action",
    "resource_type",
    "resource_id",
    "resource_name",
    "changes",
    "ip_address",
    "user_agent",
    "request_id",
    "status",
    "error_message",
];

fn json_line(row: &AuditRow) -> Result<String, Fault> {
    serde_json::to_string(row).map_err(Fault::internal)
}

fn cells(row: &AuditRow) -> [String; 16] {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    [
        row.id.clone(),
        row.timestamp.to_string(),
        row.org_id.clone(),
        row.user_id.clone(),
        row.user_email.clone(),
        row.user_roles.to_string(),
        row.action.clone(),
        row.resource_type.clone(),
        row.resource_id.clone(),
        text(&row.resource_name),
        row.changes.as_ref().map(ToString::to_string).unwrap_or_default(),
        text(&row.ip_address),
        text(&row.user_agent),
        text(&row.request_id),
        row.status.clone(),
        text(&row.error_message),
    ]
}

fn csv_line(cells: &[String]) -> String {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    let neutral = cells.iter().map(|cell| neutralised(cell));
    // Writing to memory cannot fail; an empty line would be caught by the round-trip test.
    let _ = writer.write_record(neutral);
    writer.into_inner().ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default()
}

/// A cell that a spreadsheet would run as a formula gets an apostrophe in front (OWASP CSV Injection); and so does what
/// follows a character inside it at which some spreadsheets begin another cell.
pub fn neutralised(cell: &str) -> String {
    const FORMULAS: [char; 8] = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];
    const SKIPPED: [char; 4] = ['\t', '\r', '\n', '\0'];
    let begins = |text: &str, starters: &[char]| text.trim_start_matches(' ').starts_with(starters);
    let mut neutral = String::with_capacity(cell.len() + 1);
    if begins(cell, &FORMULAS) || begins(cell, &SKIPPED) {
        neutral.push('\'');
    }
    for (at, c) in cell.char_indices() {
        neutral.push(c);
        if matches!(c, ';' | '\t' | '\r' | '\n') && begins(&cell[at + 1..], &FORMULAS) {
            neutral.push('\'');
        }
    }
    neutral
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_are_neutralised_and_quoted() {
        for cell in ["=1+1", "+1", "-1", "@x", "\tx", "\rx", "\nx", "\0x", "＝1", " =1"] {
            assert!(neutralised(cell).starts_with('\''), "{cell:?}");
        }
        for plain in ["plain = text", "a; b", "line\r\nline", "1;2\t3", ""] {
            assert_eq!(neutralised(plain), plain);
        }
        for (cell, neutral) in [
            ("a;=1+1", "a;'=1+1"),
            ("a; +1;-1", "a;' +1;'-1"),
            ("a\t@x", "a\t'@x"),
            ("a\n=1", "a\n'=1"),
            ("a\r\n\t＝1", "a\r\n\t'＝1"),
            ("=1;=2", "'=1;'=2"),
            ("\n=1", "'\n'=1"),
        ] {
            assert_eq!(neutralised(cell), neutral, "{cell:?}");
        }
        assert_eq!(csv_line(&["=a\"b,c".into(), "d".into()]), "\"'=a\"\"b,c\",d\r\n");
    }

    #[tokio::test]
    async fn an_empty_log_is_valid_in_every_form() {
        for (format, expected) in [
            (ExportFormat::Json, "[\n]\n".to_owned()),
            (ExportFormat::Ndjson, String::new()),
            (ExportFormat::Csv, format!("{}\r\n", COLUMNS.join(","))),
        ] {
            let none: AuditRows = Box::pin(futures_util::stream::empty());
            let chunks: Vec<_> = written(none, format).collect().await;
            let text: Vec<u8> = chunks.into_iter().flat_map(|c| c.expect("no fault").to_vec()).collect();
            assert_eq!(String::from_utf8(text).expect("UTF-8"), expected);
        }
    }
}
