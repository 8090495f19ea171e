//! Reading a list: which kind it is, and the key of each line.

use std::io::{BufRead, Read as _};

use hardening::password::normalise;

use super::{FilterError, first_bytes, key_of};

/// Longer lines are no passwords; a file without line breaks must not fill the memory.
const LONGEST_LINE: usize = 4096;
/// How often progress is told, in lines.
const TELL_EVERY: u64 = 16_384;
/// A SHA-1 in hexadecimal.
const SHA1_HEX: usize = 40;
/// An NTLM hash (MD4) in hexadecimal: the other form in which breach lists are published.
const NTLM_HEX: usize = 32;

/// What stands on a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListKind {
    /// A password as it is typed.
    Plain,
    /// A SHA-1 in hexadecimal, upper or lower case, with or without `:count`.
    Sha1,
}

pub(super) struct Keys {
    pub(super) keys: Vec<u64>,
    pub(super) kind: ListKind,
}

pub(super) fn read(
    mut input: impl BufRead,
    kind: Option<ListKind>,
    progress: &mut dyn FnMut(u64),
) -> Result<Keys, FilterError> {
    let (mut keys, mut kind) = (Vec::new(), kind);
    let (mut number, mut bytes) = (0, 0);
    let mut line = Vec::new();
    loop {
        line.clear();
        // One more than the longest, so that it can be told from one that is too long.
        let limit = super::as_u64(LONGEST_LINE + 2);
        let taken = input.by_ref().take(limit).read_until(b'\n', &mut line);
        let taken = taken.map_err(|error| FilterError::Io("the list cannot be read".to_owned(), error))?;
        if taken == 0 {
            break;
        }
        number += 1;
        bytes += super::as_u64(taken);
        let text = without_line_end(&line);
        let text = if number == 1 { text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text) } else { text };
        let bad = |problem| FilterError::BadLine { line: number, problem };
        if text.len() > LONGEST_LINE {
            return Err(bad("is longer than 4096 bytes: this is no list of passwords"));
        }
        if text.is_empty() {
            continue;
        }
        let kind = match kind {
            Some(kind) => kind,
            None => *kind.insert(kind_of(text).map_err(bad)?),
        };
        keys.push(match kind {
            ListKind::Plain => plain_key(text),
            ListKind::Sha1 => sha1_key(text).ok_or_else(|| bad("is not a SHA-1 in hexadecimal"))?,
        });
        if number % TELL_EVERY == 0 {
            progress(bytes);
        }
    }
    progress(bytes);
    Ok(Keys { keys, kind: kind.ok_or(FilterError::Empty)? })
}

fn without_line_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

fn kind_of(first: &[u8]) -> Result<ListKind, &'static str> {
    let (hash, count) = split_count(first);
    let hexadecimal = hash.iter().all(u8::is_ascii_hexdigit);
    match hash.len() {
        SHA1_HEX if hexadecimal => Ok(ListKind::Sha1),
        NTLM_HEX if hexadecimal && count.is_some() => {
            Err("is an NTLM hash: take the SHA-1 version of this list")
        }
        _ => Ok(ListKind::Plain),
    }
}

/// `HASH:COUNT`; a count that is no number stays part of the text.
fn split_count(line: &[u8]) -> (&[u8], Option<&[u8]>) {
    let colon = line.iter().position(|byte| *byte == b':');
    match colon.map(|at| (&line[..at], &line[at + 1..])) {
        Some((hash, count)) if !count.is_empty() && count.iter().all(u8::is_ascii_digit) => {
            (hash, Some(count))
        }
        _ => (line, None),
    }
}

fn sha1_key(line: &[u8]) -> Option<u64> {
    let (hash, _) = split_count(line);
    if hash.len() != SHA1_HEX {
        return None;
    }
    let nibbles: Vec<u8> = hash
        .iter()
        .map(|byte| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect::<Option<_>>()?;
    let digest: Vec<u8> =
        nibbles.chunks(2).map(|pair| pair.iter().fold(0, |byte, n| (byte << 4) | n)).collect();
    Some(first_bytes(&digest))
}

/// Passwords are compared as the server sees them: UTF-8 in NFC. Older lists are in Latin-1, whose bytes are
/// the characters that were typed.
fn plain_key(line: &[u8]) -> u64 {
    let typed = std::str::from_utf8(line)
        .map_or_else(|_| line.iter().map(|byte| char::from(*byte)).collect(), str::to_owned);
    key_of(normalise(&typed).expose().as_bytes())
}
