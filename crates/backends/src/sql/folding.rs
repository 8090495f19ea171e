//! Comparing words without regard to case, alike on both engines: `signupflow_folded(text)` in a statement.
//!
//! SQLite folds ASCII only, and PostgreSQL what the locale of its database says. Here each character becomes its lower
//! case of Unicode, and a sigma is a sigma wherever it stands; in PostgreSQL a migration makes the function.

use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;
use rusqlite::types::ValueRef;

/// `text` as it is compared.
pub(crate) fn folded(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    text.chars().flat_map(char::to_lowercase).map(|c| if c == 'ς' { 'σ' } else { c }).collect()
}

/// Makes the function known to one of SQLite's connections. No schema may use it: other programs do not have it.
pub(super) fn register(connection: &Connection) -> rusqlite::Result<()> {
    let flags =
        FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_DIRECTONLY;
    connection.create_scalar_function("signupflow_folded", 1, flags, |context| {
        Ok(match context.get_raw(0) {
            ValueRef::Text(octets) => Some(folded(&String::from_utf8_lossy(octets))),
            _ => None,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_means_nothing_in_any_script() {
        for (one, other) in
            [("LATE", "late"), ("ÉTÉ", "été"), ("ΟΔΟΣ", "οδος"), ("ΟΔΟΣ", "οδοσ"), ("СЕРГЕЙ", "сергей")]
        {
            assert_eq!(folded(one), folded(other));
        }
        assert_ne!(folded("ETE"), folded("été"));
    }
}
