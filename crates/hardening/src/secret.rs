//! [`Secret`]: a value that cannot be printed by accident and is wiped when dropped.

use std::fmt;
use std::ops::BitAnd;

use subtle::ConstantTimeEq as _;
use zeroize::Zeroize;

/// Wraps a password, token, key or code. `Debug` shows a mask, there is no `Display` and no `Serialize`;
/// whoever needs the value says so with [`Secret::expose`], which is easy to find in a review.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret<T: Zeroize>(T);

impl<T: Zeroize> Secret<T> {
    /// Takes the value into custody.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself, for the one place that must have it.
    pub const fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize> Drop for Secret<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[REDACTED]")
    }
}

impl<T: Zeroize> From<T> for Secret<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<'de> serde::Deserialize<'de> for Secret<String> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self)
    }
}

/// Compares secrets of one length in constant time, eight bytes at a time: byte by byte takes as long as making a tag.
/// Different lengths are told at once; they are no secret.
pub(crate) fn same(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    let ((words, rest), (other_words, other_rest)) = (one.as_chunks::<8>(), other.as_chunks::<8>());
    let word = |bytes: &[u8; 8]| u64::from_ne_bytes(*bytes);
    let pairs = words.iter().zip(other_words);
    let equal = pairs.map(|(one, other)| word(one).ct_eq(&word(other)));
    equal.fold(rest.ct_eq(other_rest), BitAnd::bitand).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_is_equal_wherever_a_byte_differs() {
        let long: Vec<u8> = (0..45).collect();
        assert!(same(&long, &long) && same(b"", b""));
        assert!(!same(&long, &long[..44]));
        for position in 0..long.len() {
            let mut other = long.clone();
            other[position] ^= 0x80;
            assert!(!same(&long, &other), "{position}");
        }
    }

    #[test]
    fn debug_never_shows_the_value() {
        assert_eq!(format!("{:?}", Secret::new("hunter2".to_owned())), "[REDACTED]");
    }
}
