//! [`CodeInfo`]: what there is to say of one code.

use axum::http::StatusCode;
use wording::Message;

/// One kind of refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodeInfo {
    /// The stable word programs compare; never renamed once published.
    pub code: &'static str,
    /// The HTTP status it is always sent with.
    pub status: StatusCode,
    /// Its short name (RFC 9457 `title`): the same for every occurrence.
    pub title: &'static str,
}

impl CodeInfo {
    /// What happened and what to do, for people; also the `detail` when the sender has nothing closer to say.
    pub fn meaning(&self) -> Message {
        Message::of_code(self.code)
    }
}

pub(super) const fn row(code: &'static str, status: StatusCode, title: &'static str) -> CodeInfo {
    CodeInfo { code, status, title }
}
