//! Text that people type: names, titles, descriptions. Kept as typed and encoded where it is shown; only what
//! no honest text needs is refused.
//!
//! * Trimmed and brought to Unicode NFC; lengths count characters of the result.
//! * Control characters are refused, NUL above all; a line feed and a tab are allowed where a text may have
//!   several lines (a browser's CR LF becomes LF).
//! * Characters that cannot be seen but change what is read are refused: overrides and isolates of writing
//!   direction, zero-width spaces, fillers, tags (Unicode Technical Report 36, 3; "Trojan Source"). Joiners
//!   stay where scripts and emoji need them.
//!
//! ```
//! use hardening::text::{Limits, TextRefusal, clean_text};
//! let name = Limits { min: 1, max: 100, multiline: false };
//! assert_eq!(clean_text("  Zoe\u{308} O'Brien ", name).as_deref(), Ok("Zoë O'Brien"));
//! assert_eq!(clean_text(" ", name), Err(TextRefusal::TooShort { min: 1 }));
//! assert_eq!(clean_text("a\u{202e}b", name), Err(TextRefusal::Forbidden('\u{202e}')));
//! ```

use unicode_normalization::UnicodeNormalization as _;

/// How long a text may be, in characters after cleaning, and whether it may have lines and tabs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The fewest characters.
    pub min: usize,
    /// The most.
    pub max: usize,
    /// Whether `\n` and `\t` are allowed.
    pub multiline: bool,
}

/// Why a text is not accepted; the words are for the person who typed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextRefusal {
    /// Fewer characters than allowed; none at all when `min` is 1.
    #[error("{}", too_short(*.min))]
    TooShort {
        /// The fewest allowed.
        min: usize,
    },
    /// More characters than allowed.
    #[error("must have at most {max} characters")]
    TooLong {
        /// The most allowed.
        max: usize,
    },
    /// A control character or one that cannot be seen.
    #[error("must not contain the character U+{:04X}", u32::from(*.0))]
    Forbidden(char),
}

fn too_short(min: usize) -> String {
    if min <= 1 { "must not be empty".into() } else { format!("must have at least {min} characters") }
}

/// The text, trimmed, normalised and checked.
///
/// # Errors
/// The first reason found: a forbidden character, then the length.
pub fn clean_text(raw: &str, limits: Limits) -> Result<String, TextRefusal> {
    // NFC makes no text shorter than a quarter of its characters, so this need not be normalised to know.
    if raw.len() > limits.max.saturating_mul(64).saturating_add(1024) {
        return Err(TextRefusal::TooLong { max: limits.max });
    }
    let lines = if limits.multiline { raw.replace("\r\n", "\n") } else { raw.to_owned() };
    let cleaned: String = lines.trim().nfc().collect();
    if let Some(character) = first_forbidden(&cleaned, limits.multiline) {
        return Err(TextRefusal::Forbidden(character));
    }
    let length = cleaned.chars().count();
    if length < limits.min {
        return Err(TextRefusal::TooShort { min: limits.min });
    }
    if length > limits.max {
        return Err(TextRefusal::TooLong { max: limits.max });
    }
    Ok(cleaned)
}

/// The first character that an honest text does not need, if there is one.
pub(crate) fn first_forbidden(text: &str, multiline: bool) -> Option<char> {
    let mut before = None;
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        let after = rest.clone().next();
        let allowed = match character {
            // Lines; and direction marks, which move no other text and help long mixed ones.
            '\n' | '\t' | '\u{200e}' | '\u{200f}' | '\u{61c}' => multiline,
            '\u{200c}' | '\u{200d}' => joins(before, after),
            '\u{e0020}'..='\u{e007f}' => before.is_some_and(is_flag_part),
            _ => !is_deceptive(character),
        };
        if !allowed {
            return Some(character);
        }
        before = Some(character);
    }
    None
}

/// A joiner does its work between two characters of emoji or of scripts that join; between Latin letters it
/// only makes two texts look alike.
fn joins(before: Option<char>, after: Option<char>) -> bool {
    let takes_joiners = |c: char| c >= '\u{590}' && !matches!(c, '\u{200b}'..='\u{200f}');
    before.is_some_and(takes_joiners) && after.is_some_and(takes_joiners)
}

/// Regional flags are a black flag followed by tag characters.
fn is_flag_part(c: char) -> bool {
    matches!(c, '\u{1f3f4}' | '\u{e0020}'..='\u{e007f}')
}

fn is_deceptive(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{180b}'..='\u{180f}' // soft hyphen, joiner without sight, Mongolian selectors
            | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{3164}' | '\u{ffa0}' // blank letters
            | '\u{200b}' | '\u{2060}'..='\u{206f}' | '\u{feff}' // zero width, isolates, invisible operators
            | '\u{2028}'..='\u{202e}' // separators of lines and paragraphs, embeddings, overrides
            | '\u{fff0}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}' // annotation, musical formatting
            | '\u{e0000}'..='\u{e0fff}') // tags and supplementary selectors
        || u32::from(c) & 0xfffe == 0xfffe // noncharacters
        || matches!(c, '\u{fdd0}'..='\u{fdef}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NAME: Limits = Limits { min: 1, max: 10, multiline: false };
    const DESCRIPTION: Limits = Limits { min: 0, max: 100, multiline: true };

    #[test]
    fn honest_text_stays_as_typed() {
        for text in
            ["O'Brien", "<b>x</b>", "select *", "李小龍", "Ωmega", "علي", "{{7*7}}", "%00 %0a", "1 = 1 --"]
        {
            assert_eq!(clean_text(text, NAME).as_deref(), Ok(text), "{text}");
        }
        for text in ["👩\u{200d}💻", "❤\u{fe0f}\u{200d}🔥", "می\u{200c}خواهم", "👨🏽\u{200d}⚕\u{fe0f}"]
        {
            assert_eq!(clean_text(text, NAME).as_deref(), Ok(text), "{text}");
        }
        let scotland = "🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}";
        assert_eq!(clean_text(scotland, NAME).as_deref(), Ok(scotland));
    }

    #[test]
    fn lengths_count_characters_after_cleaning() {
        assert_eq!(clean_text(&"ä".repeat(10), NAME).map(|t| t.len()), Ok(20));
        assert_eq!(clean_text(&"a\u{308}".repeat(10), NAME), Ok("ä".repeat(10)));
        assert_eq!(clean_text(&format!("  {}  ", "a".repeat(10)), NAME), Ok("a".repeat(10)));
        assert_eq!(clean_text(&"a".repeat(11), NAME), Err(TextRefusal::TooLong { max: 10 }));
        assert_eq!(clean_text(&" ".repeat(100_000), NAME), Err(TextRefusal::TooLong { max: 10 }));
        assert_eq!(clean_text("\u{3000} ", NAME), Err(TextRefusal::TooShort { min: 1 }));
        assert_eq!(clean_text("", DESCRIPTION), Ok(String::new()));
    }

    #[test]
    fn control_characters_are_refused_and_lines_only_where_allowed() {
        for c in (0..0x20).chain(0x7f..0xa0).filter_map(char::from_u32) {
            let text = format!("a{c}b");
            assert_eq!(clean_text(&text, NAME), Err(TextRefusal::Forbidden(c)), "{c:?}");
            let expected =
                if matches!(c, '\n' | '\t') { Ok(text.clone()) } else { Err(TextRefusal::Forbidden(c)) };
            assert_eq!(clean_text(&text, DESCRIPTION), expected, "{c:?}");
        }
        assert_eq!(clean_text("a\r\nb", DESCRIPTION).as_deref(), Ok("a\nb"));
    }

    #[test]
    fn what_deceives_is_refused() {
        for c in "\u{200b}\u{200c}\u{200d}\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2060}\u{2066}\u{2067}\u{2068}\u{2069}\u{feff}\u{ad}\u{3164}\u{2028}\u{2029}\u{fffe}\u{e0041}\u{10ffff}\u{fdd0}\u{115f}".chars() {
            assert_eq!(clean_text(&format!("a{c}b"), NAME), Err(TextRefusal::Forbidden(c)), "{c:?}");
            assert_eq!(clean_text(&format!("a{c}b"), DESCRIPTION), Err(TextRefusal::Forbidden(c)), "{c:?}");
        }
        assert_eq!(clean_text("a\u{200f}b", NAME), Err(TextRefusal::Forbidden('\u{200f}')));
        assert!(clean_text("a\u{200f}b", DESCRIPTION).is_ok());
        for text in ["ی\u{200c}\u{200c}ی", "ی\u{200d}", "\u{200d}ی", "ی\u{200d}a"] {
            assert!(clean_text(text, NAME).is_err(), "{text:?}");
        }
    }

    #[test]
    fn refusals_speak_to_people() {
        assert_eq!(TextRefusal::TooShort { min: 1 }.to_string(), "must not be empty");
        assert_eq!(TextRefusal::TooShort { min: 3 }.to_string(), "must have at least 3 characters");
        assert_eq!(TextRefusal::TooLong { max: 9 }.to_string(), "must have at most 9 characters");
        assert_eq!(TextRefusal::Forbidden('\0').to_string(), "must not contain the character U+0000");
    }

    proptest! {
        #[test]
        fn cleaning_twice_changes_nothing(raw in any::<String>()) {
            if let Ok(once) = clean_text(&raw, DESCRIPTION) {
                prop_assert_eq!(clean_text(&once, DESCRIPTION), Ok(once));
            }
        }

        #[test]
        fn printable_ascii_comes_out_as_it_went_in(raw in "[!-~]([ -~]{0,8}[!-~])?") {
            prop_assert_eq!(clean_text(&raw, NAME), Ok(raw));
        }
    }
}
