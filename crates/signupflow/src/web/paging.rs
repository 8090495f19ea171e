//! Opaque cursors of lists.

use accounts::Refusal;
use accounts::model::{Lock, LockCursor, Page};
use accounts::ports::AuditCursor;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hardening::clock::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

const DEFAULT_LIMIT: u32 = 50;
/// The largest page.
pub const MAX_LIMIT: u32 = 1000;

/// How much of a list, and from where.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// At most this many items, 1 to 1000; 50 if not given.
    pub limit: Option<u32>,
    /// The `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// Accepted for the original's sake; must be your own organization.
    pub org_id: Option<String>,
}

impl ListQuery {
    /// Judged.
    pub fn page(&self) -> Result<Page, Refusal> {
        let after = self.cursor.as_deref().map(read_cursor).transpose()?;
        Ok(Page { limit: judged_limit(self.limit)?, after })
    }
}

/// A page size, judged.
pub fn judged_limit(limit: Option<u32>) -> Result<u32, Refusal> {
    let limit = limit.unwrap_or(DEFAULT_LIMIT);
    if (1..=MAX_LIMIT).contains(&limit) {
        Ok(limit)
    } else {
        Err(Refusal::field("limit", format!("must be from 1 to {MAX_LIMIT}")))
    }
}

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct Listing<T: ToSchema> {
    /// The items.
    pub items: Vec<T>,
    /// Give it as `cursor` for the next page; null on the last.
    pub next_cursor: Option<String>,
}

impl<T: ToSchema> Listing<T> {
    /// From a page that was asked for with one item more than it may show.
    pub fn of<S>(mut found: Vec<S>, page: &Page, id: impl Fn(&S) -> &str, show: impl Fn(S) -> T) -> Self {
        let limit = page.limit as usize;
        let more = found.len() > limit;
        found.truncate(limit);
        let next_cursor = found.last().filter(|_| more).map(|last| write_cursor(id(last)));
        Self { items: found.into_iter().map(show).collect(), next_cursor }
    }
}

/// The same page with one item more, to see whether another page follows.
pub fn and_one_more(page: &Page) -> Page {
    Page { limit: page.limit + 1, after: page.after.clone() }
}

fn bad_cursor() -> Refusal {
    Refusal::field("cursor", "is not a cursor of this list; use next_cursor of the page before as it is")
}

fn write_cursor(id: &str) -> String {
    URL_SAFE_NO_PAD.encode(id)
}

/// Reads the cursor of a list by id.
pub fn read_cursor(cursor: &str) -> Result<String, Refusal> {
    let bytes = (cursor.len() <= 200).then(|| URL_SAFE_NO_PAD.decode(cursor).ok()).flatten();
    let id = bytes.and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(bad_cursor)?;
    let plain = !id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    if plain { Ok(id) } else { Err(bad_cursor()) }
}

/// Writes a cursor of the audit list.
pub fn write_audit_cursor(cursor: &AuditCursor) -> String {
    URL_SAFE_NO_PAD.encode(format!("{}.{}", cursor.timestamp.micros(), cursor.id))
}

/// Reads a cursor of the audit list.
pub fn read_audit_cursor(cursor: &str) -> Result<AuditCursor, Refusal> {
    let (timestamp, id) = read_timed(cursor, 200)?;
    let plain = !id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    if plain { Ok(AuditCursor { timestamp, id }) } else { Err(bad_cursor()) }
}

/// Writes the cursor of the list of locks.
pub fn write_lock_cursor(last: &Lock) -> String {
    URL_SAFE_NO_PAD.encode(format!("{}.{}", last.locked_until.micros(), last.key))
}

/// Reads a cursor of the list of locks, whose keys may hold mail addresses.
pub fn read_lock_cursor(cursor: &str) -> Result<LockCursor, Refusal> {
    let (locked_until, key) = read_timed(cursor, 1000)?;
    let plain = !key.is_empty() && !key.contains(char::is_control);
    if plain { Ok(LockCursor { locked_until, key }) } else { Err(bad_cursor()) }
}

/// The two parts of a cursor of at most so many characters: a time and what follows it.
fn read_timed(cursor: &str, longest: usize) -> Result<(Timestamp, String), Refusal> {
    let bytes = (cursor.len() <= longest).then(|| URL_SAFE_NO_PAD.decode(cursor).ok()).flatten();
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(bad_cursor)?;
    let (micros, rest) = text.split_once('.').ok_or_else(bad_cursor)?;
    let digits = !micros.is_empty() && micros.len() <= 18 && micros.bytes().all(|b| b.is_ascii_digit());
    let micros = micros.parse().ok().filter(|_| digits).ok_or_else(bad_cursor)?;
    Ok((Timestamp::from_micros(micros), rest.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn cursors_round_trip() {
        assert_eq!(read_cursor(&write_cursor("event_01-2")), Ok("event_01-2".to_owned()));
        let cursor =
            AuditCursor { timestamp: Timestamp::from_micros(1_700_000_000_000_001), id: "audit_1".into() };
        assert_eq!(read_audit_cursor(&write_audit_cursor(&cursor)), Ok(cursor));
    }

    #[test]
    fn page_sizes_are_bounded() {
        assert_eq!(judged_limit(None), Ok(50));
        for bad in [0, 1001, u32::MAX] {
            assert!(judged_limit(Some(bad)).is_err());
        }
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_readers(text in ".{0,300}") {
            let _ = read_cursor(&text);
            let _ = read_audit_cursor(&text);
            let _ = read_lock_cursor(&text);
        }

        #[test]
        fn no_encoded_text_breaks_the_readers(bytes in proptest::collection::vec(any::<u8>(), 0..150)) {
            let text = URL_SAFE_NO_PAD.encode(&bytes);
            if let Ok(id) = read_cursor(&text) {
                prop_assert_eq!(write_cursor(&id), text.clone());
            }
            if let Ok(cursor) = read_audit_cursor(&text) {
                prop_assert_eq!(read_audit_cursor(&write_audit_cursor(&cursor)), Ok(cursor));
            }
        }
    }
}
