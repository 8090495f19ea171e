//! Lower-case hexadecimal digits: digests, request ids, keys of counters.
//!
//! ```
//! assert_eq!(hardening::hex::lower(&[0, 0x2f, 0xff]), "002fff");
//! ```

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Two digits a byte. By table: `format!` takes ten times as long, and every audit row holds several digests.
pub fn lower(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble)]);
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        text.push(digit(byte >> 4));
        text.push(digit(byte & 15));
    }
    text
}
