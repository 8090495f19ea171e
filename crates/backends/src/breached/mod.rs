//! An operator's list of breached passwords as one compact file: about 18 bits a password, never a wrong
//! "not in it", and a wrong "in it" for one password in 65,536, whose owner chooses another.
//!
//! * [`build`] makes a filter from a text file, [`BreachedFilter::open`] loads it for the server.
//! * The filter is a binary fuse filter over the first 64 bits of each password's SHA-1. SHA-1 is what the
//!   published lists hold; it only spreads keys here. Nobody gains by making two passwords collide: the
//!   second one would be refused, and nothing about a stored password can be learned from the file.
//! * The file carries its geometry and a SHA-256 of itself: a damaged one is refused with the reason, not
//!   half used.

mod file;
mod lines;

use std::fmt;
use std::io::BufRead;
use std::path::Path;

use hardening::password::BreachedPasswords;
use sha1::{Digest as _, Sha1};
use xorf::{BinaryFuse16, Filter as _};

pub use lines::ListKind;

/// Why a filter cannot be built, written or used. One sentence each, for the operator.
#[derive(Debug, thiserror::Error)]
pub enum FilterError {
    /// The file cannot be read or written.
    #[error("{0}: {1}")]
    Io(String, std::io::Error),
    /// The file is no filter, of another version, cut off or damaged.
    #[error(
        "{file} cannot be used: {reason}; make it anew with `signupflow passwords build`, from the list it \
         was made of"
    )]
    Damaged {
        /// Which file.
        file: String,
        /// In what way.
        reason: &'static str,
    },
    /// A line that is none of the list's kind.
    #[error("line {line} of the list {problem}")]
    BadLine {
        /// Counted from 1.
        line: u64,
        /// What is wrong with it; never the line itself.
        problem: &'static str,
    },
    /// There is nothing in the list.
    #[error("there is no password in the list")]
    Empty,
    /// No filter could be found for these keys, which does not happen to distinct ones.
    #[error("no filter could be made of this list: {0}")]
    Unbuildable(&'static str),
}

/// A loaded list. Lookups take well below a microsecond.
#[derive(Clone)]
pub struct BreachedFilter {
    passwords: u64,
    filter: BinaryFuse16,
}

impl fmt::Debug for BreachedFilter {
    /// Without the filter itself, which is large.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BreachedFilter").field("passwords", &self.passwords).finish_non_exhaustive()
    }
}

impl BreachedFilter {
    /// Loads a file that [`Self::write`] made. Takes its size of memory.
    ///
    /// # Errors
    /// [`FilterError::Io`], or [`FilterError::Damaged`] with the reason.
    pub fn open(path: &Path) -> Result<Self, FilterError> {
        file::read(path)
    }

    /// Writes the file: first beside it, then renamed over it, so that it is whole or not there.
    ///
    /// # Errors
    /// [`FilterError::Io`].
    pub fn write(&self, path: &Path) -> Result<(), FilterError> {
        file::write(self, path)
    }

    /// How many different passwords it was made of.
    pub const fn passwords(&self) -> u64 {
        self.passwords
    }

    /// The size of the file it makes, in bytes.
    pub fn file_size(&self) -> u64 {
        file::size_of(self.filter.fingerprints.len())
    }
}

impl BreachedPasswords for BreachedFilter {
    fn contains(&self, password: &str) -> bool {
        self.filter.contains(&key_of(password.as_bytes()))
    }
}

/// A filter, and what it was made of.
#[derive(Debug)]
pub struct Built {
    /// The filter.
    pub filter: BreachedFilter,
    /// What the list turned out to be.
    pub kind: ListKind,
    /// Lines with a password, repeated ones included.
    pub lines: u64,
}

/// Makes a filter of a list: one password a line, or one SHA-1 in hexadecimal a line with an optional
/// `:count`, which is how breach lists are published. Without `kind`, the first line decides which.
///
/// `progress` is told the bytes read so far, now and then. Takes 8 bytes of memory a password while reading
/// and about 40 while building.
///
/// # Errors
/// [`FilterError::BadLine`], [`FilterError::Empty`], or [`FilterError::Io`] when reading fails.
pub fn build(
    input: impl BufRead,
    kind: Option<ListKind>,
    progress: &mut dyn FnMut(u64),
) -> Result<Built, FilterError> {
    let lines::Keys { mut keys, kind } = lines::read(input, kind, progress)?;
    let lines = as_u64(keys.len());
    keys.sort_unstable();
    keys.dedup();
    if keys.is_empty() {
        return Err(FilterError::Empty);
    }
    let filter = BinaryFuse16::try_from(keys.as_slice()).map_err(FilterError::Unbuildable)?;
    Ok(Built { filter: BreachedFilter { passwords: as_u64(keys.len()), filter }, kind, lines })
}

fn key_of(password: &[u8]) -> u64 {
    first_bytes(&Sha1::digest(password))
}

fn first_bytes(digest: &[u8]) -> u64 {
    digest.iter().take(8).fold(0, |key, byte| (key << 8) | u64::from(*byte))
}

fn as_u64(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
