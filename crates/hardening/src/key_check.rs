//! Recognises a wrong key before it does harm, by a value that gives nothing of the key away.
//!
//! * The value is HKDF-SHA-256 (RFC 5869) of the key under a label of its own, cut to 64 bits: independent of every
//!   key that is derived from the same root, and too short to confirm a guess for certain.
//! * What was used before is known by generation; a key is right when it, or one that is configured beside it, is
//!   known. So rotating needs the old key once, and a key out of nowhere is refused.
//!
//! ```
//! use hardening::key_check::{KeyCheck, Verdict, judge};
//! let (old, new) = (KeyCheck::of(b"the old key"), KeyCheck::of(b"the new key"));
//! assert_eq!(judge(&[old.clone()], &[]), Verdict::First);
//! assert_eq!(judge(&[new.clone(), old.clone()], &[old.clone()]), Verdict::Newer);
//! assert_eq!(judge(&[new], &[old]), Verdict::Foreign);
//! ```

use std::fmt;

use hkdf::Hkdf;
use sha2::Sha256;

use crate::hex;

const SALT: &[u8] = b"signupflow/key-check/v1";
const LENGTH: usize = 8;

/// The check value of a key: 16 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyCheck(String);

impl KeyCheck {
    /// That of this key.
    pub fn of(key: &[u8]) -> Self {
        Self(hex::lower(&value_of(key)))
    }

    /// One that was stored.
    pub const fn stored(text: String) -> Self {
        Self(text)
    }

    /// As it is stored and shown.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn value_of(key: &[u8]) -> [u8; LENGTH] {
    let mut value = [0; LENGTH];
    Hkdf::<Sha256>::new(Some(SALT), key)
        .expand(b"check value", &mut value)
        .expect("eight bytes are less than HKDF gives");
    value
}

impl fmt::Display for KeyCheck {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// What is to be thought of the keys that are configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// No key was used yet.
    First,
    /// The key that is used now.
    Current,
    /// A new key beside one that is known: it is being rotated.
    Newer,
    /// The key that is used now is missing; one from before it is there.
    Older,
    /// None of them was ever used here.
    Foreign,
}

/// Judges the `configured` keys, the one that signs first, by the `known` ones, the oldest first.
pub fn judge(configured: &[KeyCheck], known: &[KeyCheck]) -> Verdict {
    let (Some(signs), Some(newest)) = (configured.first(), known.last()) else { return Verdict::First };
    if !configured.iter().any(|check| known.contains(check)) {
        Verdict::Foreign
    } else if !known.contains(signs) {
        Verdict::Newer
    } else if configured.contains(newest) {
        Verdict::Current
    } else {
        Verdict::Older
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str) -> KeyCheck {
        KeyCheck::of(name.as_bytes())
    }

    #[test]
    fn values_are_short_stable_and_apart() {
        assert_eq!(check("a").as_str().len(), 16);
        assert_eq!(check("a"), KeyCheck::stored(check("a").to_string()));
        assert_ne!(check("a"), check("b"));
    }

    #[test]
    fn the_value_is_pinned() {
        // It is stored: another one would refuse every database there is.
        assert_eq!(check("0123456789abcdef0123456789abcdef").as_str(), "ad73039c7e3f3c9a");
    }

    #[test]
    fn a_rotation_is_told_from_a_mistake() {
        let [a, b, c] = ["a", "b", "c"].map(check);
        let judged = |configured: &[&KeyCheck], known: &[&KeyCheck]| {
            let owned = |list: &[&KeyCheck]| list.iter().map(|check| (*check).clone()).collect::<Vec<_>>();
            judge(&owned(configured), &owned(known))
        };
        assert_eq!(judged(&[&a], &[]), Verdict::First);
        assert_eq!(judged(&[&a], &[&a]), Verdict::Current);
        assert_eq!(judged(&[&b, &a], &[&a]), Verdict::Newer);
        assert_eq!(judged(&[&b], &[&a, &b]), Verdict::Current);
        assert_eq!(judged(&[&a], &[&a, &b]), Verdict::Older, "a node that was not told of the rotation");
        assert_eq!(judged(&[&a, &b], &[&a, &b]), Verdict::Current, "a rotation taken back");
        assert_eq!(judged(&[&c], &[&a, &b]), Verdict::Foreign);
        assert_eq!(judged(&[&c, &b], &[&a]), Verdict::Foreign);
    }
}
