//! [`PasswordPolicy`]: which new passwords are accepted, and a sentence for those that are not.

use std::fmt;
use std::sync::Arc;

use zxcvbn::{Score, zxcvbn};

use crate::secret::Secret;

/// The longest password in characters (ASVS 5.0, 6.2.9 asks for at least 64).
pub const MAX_LENGTH: usize = 128;

/// How much of a password the guess estimate looks at, at each end. Its work grows with the square of the
/// length and worse with look-alike characters (`4@8(`: a second for 64 of them); what is hard to guess after
/// this many characters does not get easier by more.
const ESTIMATED_LENGTH: usize = 32;
/// Longest context word told to the estimate, and how many.
const LONGEST_WORD: usize = 64;
const MOST_WORDS: usize = 24;

/// Passwords known from breaches.
pub trait BreachedPasswords: Send + Sync {
    /// Whether the normalised password is in the list. Called on hashing threads, may take a millisecond.
    fn contains(&self, password: &str) -> bool;
}

/// What a new password must be.
#[derive(Clone)]
pub struct PasswordPolicy {
    /// Least number of characters: 15 where the password stands alone (NIST SP 800-63B-4), 8 or more.
    pub min_length: usize,
    breached: Option<Arc<dyn BreachedPasswords>>,
}

impl Default for PasswordPolicy {
    /// 15 characters, no breached list.
    fn default() -> Self {
        Self::new(15)
    }
}

impl PasswordPolicy {
    /// A policy with this least length and no breached list.
    pub const fn new(min_length: usize) -> Self {
        Self { min_length, breached: None }
    }

    /// The same policy, with a breached list as well.
    #[must_use]
    pub fn with_breached(self, breached: Arc<dyn BreachedPasswords>) -> Self {
        Self { breached: Some(breached), ..self }
    }

    /// Checks a normalised password. `context` is what others know of the person: mail address, name,
    /// organization. The whole password is compared with it, not parts: a long password may contain a name.
    /// Costs milliseconds: use [`super::HashPool::check_policy`] where requests are served.
    ///
    /// # Errors
    /// The first reason not to accept it.
    pub fn check(&self, password: &Secret<String>, context: &[&str]) -> Result<(), PasswordRefusal> {
        let password = password.expose().as_str();
        let length = password.chars().take(MAX_LENGTH + 1).count();
        if length > MAX_LENGTH {
            return Err(PasswordRefusal::TooLong);
        }
        if length < self.min_length {
            return Err(PasswordRefusal::TooShort { min_length: self.min_length });
        }
        if password.contains('\0') {
            return Err(PasswordRefusal::NotAllowed);
        }
        let words = words_of(context);
        let bare = bare(password);
        if !bare.is_empty() && words.iter().any(|word| self::bare(word) == bare) {
            return Err(PasswordRefusal::Personal);
        }
        if self.breached.as_ref().is_some_and(|list| list.contains(password)) {
            return Err(PasswordRefusal::Breached);
        }
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let start =
            password.char_indices().nth(ESTIMATED_LENGTH).map_or(password, |(end, _)| &password[..end]);
        let hard_to_guess = |part: &str| zxcvbn(part, &words).score() >= Score::Three;
        if hard_to_guess(start) {
            return Ok(());
        }
        let end = password.char_indices().nth(length.saturating_sub(ESTIMATED_LENGTH));
        let end = end.map_or(password, |(from, _)| &password[from..]);
        if end.len() == password.len() || !hard_to_guess(end) {
            return Err(PasswordRefusal::Guessable);
        }
        Ok(())
    }
}

impl fmt::Debug for PasswordPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PasswordPolicy")
            .field("min_length", &self.min_length)
            .field("breached", &self.breached.is_some())
            .finish()
    }
}

/// Why a password was refused. `Display` is one sentence for the person: why, and what is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordRefusal {
    /// Fewer characters than the policy asks for.
    #[error(
        "This password is too short: use at least {min_length} characters, for example four or five \
         unrelated words; spaces and any other characters are allowed."
    )]
    TooShort {
        /// How many it asks for.
        min_length: usize,
    },
    /// More than [`MAX_LENGTH`] characters.
    #[error("This password is too long: use at most {MAX_LENGTH} characters.")]
    TooLong,
    /// It contains a NUL character, which some stores cut a text at.
    #[error("This password contains a NUL character: use any characters but that one.")]
    NotAllowed,
    /// It is the person's mail address, name or organization.
    #[error(
        "This password is your own e-mail address, name or organization, which others try first: use words \
         that have nothing to do with you."
    )]
    Personal,
    /// It is in the operator's list of breached passwords.
    #[error(
        "This password is known from a data breach and is tried by attackers: use one that you use nowhere \
         else."
    )]
    Breached,
    /// Too few guesses would find it.
    #[error(
        "This password is easy to guess (common words, repeats, sequences or dates): use several unrelated \
         words or random characters."
    )]
    Guessable,
}

impl PasswordRefusal {
    /// A stable code for programs.
    pub const fn code(self) -> &'static str {
        match self {
            Self::TooShort { .. } => "password_too_short",
            Self::TooLong => "password_too_long",
            Self::NotAllowed => "password_not_allowed",
            Self::Personal => "password_is_personal",
            Self::Breached => "password_breached",
            Self::Guessable => "password_guessable",
        }
    }
}

/// The context and its parts, short and few enough for the estimate.
fn words_of(context: &[&str]) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let parts =
        |text: &str| text.split(|c: char| !c.is_alphanumeric()).map(str::to_owned).collect::<Vec<_>>();
    let wholes = context.iter().map(|text| text.chars().take(LONGEST_WORD).collect::<String>());
    let wholes: Vec<String> = wholes.collect();
    let locals = wholes.iter().filter_map(|text| text.split_once('@')).map(|(local, _)| local.to_owned());
    let candidates = wholes.iter().cloned().chain(locals).chain(wholes.iter().flat_map(|text| parts(text)));
    for word in candidates {
        if word.chars().count() >= 3 && words.len() < MOST_WORDS && !words.contains(&word) {
            words.push(word);
        }
    }
    words
}

/// What is left when case, spaces and punctuation do not matter.
fn bare(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::super::normalise;
    use super::*;
    use proptest::prelude::*;

    const CONTEXT: [&str; 3] = ["rosalind.franklin@kings.example.org", "Rosalind Franklin", "King's College"];

    fn refusal(password: &str) -> Option<&'static str> {
        PasswordPolicy::default().check(&normalise(password), &CONTEXT).err().map(PasswordRefusal::code)
    }

    #[test]
    fn long_unrelated_words_are_accepted_whatever_their_characters() {
        for password in [
            "correct horse battery staple",
            "purple lantern orbiting quietly",
            "vdkqmwpzrthbnxc",
            "Übergröße änderte nachts",
            "😀🐙🚲🎻🌋🍍🧲🛶🎯🦉🪁🧊🔭🪗🐌",
            "trailing space matters ",
            "x-password-y pelican tractor",
            "------------------------------------- purple lantern orbiting quietly",
        ] {
            assert_eq!(refusal(password), None, "{password}");
        }
    }

    #[test]
    fn each_reason_has_a_code_and_a_sentence() {
        for (password, code) in [
            ("Password1", "password_too_short"),
            ("fourteen chars", "password_too_short"),
            ("aaaaaaaaaaaaaaaaaaaaaaaa", "password_guessable"),
            ("passwordpassword", "password_guessable"),
            ("123456789012345", "password_guessable"),
            ("qwertyuiopasdfgh", "password_guessable"),
            ("rosalindrosalind", "password_guessable"),
            ("passwordpasswordpasswordpasswordpasswordpassword", "password_guessable"),
            ("Rosalind Franklin", "password_is_personal"),
            ("ROSALINDFRANKLIN!", "password_is_personal"),
            ("rosalind.franklin@kings.example.org", "password_is_personal"),
            ("correct horse\0battery staple", "password_not_allowed"),
        ] {
            assert_eq!(refusal(password), Some(code), "{password}");
        }
        let sentence = PasswordRefusal::TooShort { min_length: 15 }.to_string();
        assert!(sentence.contains("at least 15 characters"), "{sentence}");
    }

    #[test]
    fn length_counts_characters_and_ends_at_128() {
        let words = "purple lantern orbiting quietly beside nine wooden kettles while Oslo sleeps under \
                     seventeen borrowed umbrellas and a fox hums tunes ok";
        let exactly: String = words.chars().take(128).collect();
        assert_eq!(exactly.chars().count(), 128);
        assert_eq!(refusal(&exactly), None);
        assert_eq!(refusal(&format!("{exactly}x")), Some("password_too_long"));
        assert_eq!(refusal(&"é".repeat(100_000)), Some("password_too_long"));
    }

    #[test]
    fn a_breached_password_is_refused_whole_not_in_part() {
        struct List;
        impl BreachedPasswords for List {
            fn contains(&self, password: &str) -> bool {
                password == "purple lantern orbiting quietly"
            }
        }
        let policy = PasswordPolicy::default().with_breached(Arc::new(List));
        let check = |password| policy.check(&normalise(password), &[]);
        assert_eq!(check("purple lantern orbiting quietly"), Err(PasswordRefusal::Breached));
        assert_eq!(check("purple lantern orbiting quietly!"), Ok(()));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn no_password_or_context_makes_it_panic(password in "\\PC{15,140}", name in "\\PC{0,80}") {
            let _ = PasswordPolicy::new(8).check(&normalise(&password), &[&name, &name]);
        }
    }
}
