//! Recovery codes: saved by people for the day the app is gone.
//!
//! * 120 bits from the operating system: six groups of four Base32 characters.
//! * Stored as HMAC-SHA-256 under a key of the server's, together with whose they are: guessing needs the key, a
//!   check is one lookup, and equal codes of two people look different.

use std::fmt;

use data_encoding::BASE32_NOPAD;

use crate::entropy::{Entropy, random_bytes};
use crate::keys::{KeyLabel, KeyRing, Signer};
use crate::secret::Secret;

/// How many codes a person gets.
pub const RECOVERY_CODES: usize = 10;
/// 24 characters of five bits.
const CHARACTERS: usize = 24;

/// One code, without its dashes.
#[derive(Clone)]
pub struct RecoveryCode(Secret<String>);

impl RecoveryCode {
    /// A new one.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        Self(Secret::new(BASE32_NOPAD.encode(&random_bytes::<15>(entropy))))
    }

    /// Reads one as people type it: in either case, with dashes or spaces between the groups or without.
    pub fn parse(text: &str) -> Option<Self> {
        // Longer is no code however it is spaced.
        if text.len() > 4 * CHARACTERS {
            return None;
        }
        let plain: String = text.chars().filter(|c| !matches!(c, '-' | ' ')).collect();
        let plain = Secret::new(plain.to_ascii_uppercase());
        let known = |byte: u8| matches!(byte, b'A'..=b'Z' | b'2'..=b'7');
        let whole = plain.expose().len() == CHARACTERS && plain.expose().bytes().all(known);
        whole.then_some(Self(plain))
    }

    /// As it is shown: `ABCD-EFGH-IJKL-MNOP-QRST-UVWX`.
    pub fn to_text(&self) -> Secret<String> {
        let groups: Vec<&str> = (0..CHARACTERS).step_by(4).map(|at| &self.0.expose()[at..at + 4]).collect();
        Secret::new(groups.join("-"))
    }
}

impl fmt::Debug for RecoveryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryCode([REDACTED])")
    }
}

/// What is stored of a code.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RecoveryCodeHash(pub [u8; 32]);

impl fmt::Debug for RecoveryCodeHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryCodeHash(…)")
    }
}

/// Hashes codes.
#[derive(Clone, Debug)]
pub struct RecoveryKeys(Signer);

impl RecoveryKeys {
    /// Under the ring's pepper.
    pub fn new(ring: &KeyRing) -> Self {
        Self(ring.signer(KeyLabel::Pepper))
    }

    /// What is stored of a person's new code.
    pub fn hash(&self, person_id: &str, code: &RecoveryCode) -> RecoveryCodeHash {
        RecoveryCodeHash(self.0.tag(&parts(person_id, code)))
    }

    /// What may be stored of the code: under the current key, and under the one before while the root is rotated.
    pub fn candidates(&self, person_id: &str, code: &RecoveryCode) -> Vec<RecoveryCodeHash> {
        self.0.tags(&parts(person_id, code)).into_iter().map(RecoveryCodeHash).collect()
    }
}

/// Ids hold no NUL, so no two messages look alike.
fn parts<'a>(person_id: &'a str, code: &'a RecoveryCode) -> [&'a [u8]; 4] {
    [b"recovery-code\0", person_id.as_bytes(), b"\0", code.0.expose().as_bytes()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::OsEntropy;
    use crate::keys::tests::ring;

    #[test]
    fn a_code_is_six_groups_of_four_and_reads_back() {
        let keys = RecoveryKeys::new(&ring("root", None));
        let code = RecoveryCode::generate(&OsEntropy);
        let text = code.to_text();
        let groups: Vec<_> = text.expose().split('-').map(str::len).collect();
        assert_eq!(groups, [4; 6]);
        let spaced = text.expose().replace('-', " ");
        for form in
            [text.expose().clone(), text.expose().to_lowercase(), text.expose().replace('-', ""), spaced]
        {
            let read = RecoveryCode::parse(&form).expect("a code");
            assert_eq!(keys.hash("p", &read), keys.hash("p", &code), "{form}");
        }
        for bad in
            ["", "ABCD", &"A".repeat(23), &"A".repeat(25), &"1".repeat(24), &"é".repeat(12), &" ".repeat(500)]
        {
            assert!(RecoveryCode::parse(bad).is_none(), "{bad}");
        }
        assert!(!format!("{code:?}").contains(&text.expose()[..4]));
    }

    #[test]
    fn a_hundred_thousand_are_unique() {
        let made = (0..100_000).map(|_| RecoveryCode::generate(&OsEntropy).0.expose().clone());
        assert_eq!(made.collect::<std::collections::HashSet<_>>().len(), 100_000);
    }

    #[test]
    fn hashes_are_keyed_per_person_and_survive_a_rotation() {
        let code = RecoveryCode::generate(&OsEntropy);
        let (old, new) =
            (RecoveryKeys::new(&ring("old", None)), RecoveryKeys::new(&ring("new", Some("old"))));
        let stored = old.hash("person_1", &code);
        assert!(new.candidates("person_1", &code).contains(&stored));
        assert!(!new.candidates("person_2", &code).contains(&stored));
        assert_ne!(new.hash("person_1", &code), stored);
        assert_eq!(old.candidates("person_1", &code), [stored]);
    }
}
