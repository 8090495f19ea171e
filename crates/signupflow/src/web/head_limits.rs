//! Heads no honest client sends are refused with a problem, where the bare server could only answer an empty 431.

use http::{HeaderMap, Uri};
use wording::Message;

use super::problem::Problem;

/// What the head of one request may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeadLimits {
    /// Bytes of path and query; more is 414.
    pub uri_bytes: usize,
    /// Bytes of all header names and values; more is 431.
    pub header_bytes: usize,
    /// Number of header fields; more is 431. The server itself reads a hundred at most and answers a bare 431 to more.
    pub header_fields: usize,
}

impl Default for HeadLimits {
    fn default() -> Self {
        Self { uri_bytes: 8 * 1024, header_bytes: 16 * 1024, header_fields: 90 }
    }
}

impl HeadLimits {
    /// Whether a head is within them.
    ///
    /// # Errors
    /// The problem to answer with.
    pub fn check(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), Problem> {
        let uri_bytes = uri.path().len() + uri.query().map_or(0, |query| query.len() + 1);
        if uri_bytes > self.uri_bytes {
            let detail = Message::new("detail-address-too-long").with("limit", self.uri_bytes);
            return Err(Problem::of("uri_too_long").with_detail(detail));
        }
        let header_bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
        if headers.len() > self.header_fields || header_bytes > self.header_bytes {
            let detail = Message::new("detail-head-too-large")
                .with("fields", self.header_fields)
                .with("bytes", self.header_bytes);
            return Err(Problem::of("headers_too_large").with_detail(detail));
        }
        Ok(())
    }
}
