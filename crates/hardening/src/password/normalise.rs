//! One spelling for what looks the same.

use unicode_normalization::UnicodeNormalization as _;

use super::MAX_LENGTH;
use crate::secret::Secret;

/// No character decomposes canonically into more than four, so whatever is longer than this stays longer
/// than [`MAX_LENGTH`] and need not be looked at.
const LONGEST_TYPED: usize = 4 * MAX_LENGTH;

/// Canonical composition (NFC), and nothing else: no trimming, no change of case, so that a password is
/// verified as it was typed, on whatever keyboard. What cannot become short enough is left as it is.
pub fn normalise(typed: &str) -> Secret<String> {
    if typed.chars().nth(LONGEST_TYPED).is_some() {
        return Secret::new(typed.to_owned());
    }
    // A buffer that never has to move leaves no copy behind; composing makes UTF-8 at most three times longer.
    let mut composed = String::with_capacity(typed.len().saturating_mul(3));
    composed.extend(typed.nfc());
    Secret::new(composed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn composed_and_decomposed_are_the_same_password() {
        assert_eq!(normalise("caf\u{e9}"), normalise("cafe\u{301}"));
    }

    #[test]
    fn spaces_case_and_compatibility_forms_stay_different() {
        assert_ne!(normalise("secret "), normalise("secret"));
        assert_ne!(normalise("Secret"), normalise("secret"));
        assert_ne!(normalise("ﬁsh"), normalise("fish"));
    }

    #[test]
    fn very_long_input_is_not_worked_on() {
        let long = "e\u{301}".repeat(LONGEST_TYPED);
        assert_eq!(normalise(&long).expose(), &long);
    }

    proptest! {
        #[test]
        fn normalising_twice_changes_nothing_and_the_buffer_suffices(typed in "\\PC{0,200}") {
            let once = normalise(&typed);
            prop_assert!(once.expose().len() <= typed.len() * 3);
            prop_assert_eq!(&normalise(once.expose()), &once);
        }
    }
}
