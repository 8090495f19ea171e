//! [`Methods`]: a set of HTTP methods in one byte.

use std::fmt;

const NAMES: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
const OTHER: u8 = 1 << 7;

/// Which methods a rule is for. Methods nobody listed by name are only in [`Methods::ALL`].
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Methods(u8);

impl Methods {
    /// Every method, unknown ones too.
    pub const ALL: Self = Self(u8::MAX);
    /// GET and HEAD.
    pub const READS: Self = Self(0b11);
    /// POST, PUT, PATCH and DELETE.
    pub const WRITES: Self = Self(0b11_1100);
    /// POST alone.
    pub const POST: Self = Self(0b100);

    /// The set of these names (upper case); `None` when one is unknown or there is none.
    pub fn of(names: &[impl AsRef<str>]) -> Option<Self> {
        let mut bits = 0;
        for name in names {
            match bit(name.as_ref()) {
                OTHER => return None,
                known => bits |= known,
            }
        }
        (bits != 0).then_some(Self(bits))
    }

    /// Whether `method` (upper case, as HTTP has it) is in the set.
    pub fn contains(self, method: &str) -> bool {
        self.0 & bit(method) != 0
    }

    fn names(self) -> impl Iterator<Item = &'static str> {
        NAMES.into_iter().filter(move |name| self.contains(name))
    }

    /// A short name for keys and policies: nothing for all, `reads`, `writes`, else the list.
    pub(super) fn label(self) -> String {
        match self {
            Self::ALL => String::new(),
            Self::READS => "reads".to_owned(),
            Self::WRITES => "writes".to_owned(),
            _ => self.names().map(str::to_ascii_lowercase).collect::<Vec<_>>().join("-"),
        }
    }
}

fn bit(method: &str) -> u8 {
    NAMES.iter().position(|name| *name == method).map_or(OTHER, |index| 1 << index)
}

impl fmt::Debug for Methods {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::ALL => f.write_str("ALL"),
            _ => f.debug_list().entries(self.names()).finish(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_hold_what_they_say() {
        assert!(Methods::READS.contains("HEAD") && !Methods::READS.contains("POST"));
        assert_eq!(Methods::of(&["POST", "PUT", "PATCH", "DELETE"]), Some(Methods::WRITES));
        assert!(Methods::ALL.contains("PROPFIND") && !Methods::WRITES.contains("PROPFIND"));
    }

    #[test]
    fn unknown_and_empty_lists_are_refused() {
        assert_eq!(Methods::of(&["POST", "BREW"]), None);
        assert_eq!(Methods::of(&["post"]), None);
        assert_eq!(Methods::of(&[""; 0]), None);
    }
}
