//! Lower-case hexadecimal digits: digests, request ids, keys of counters.
//!
//! ```
//! assert_eq!(hardening::hex::lower(&[0, 0x2f, 0xff]), "002fff");
//! ```

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// The digits of 16 bytes, without an allocation.
pub fn digits(bytes: &[u8; 16]) -> [u8; 32] {
    let mut text = [0; 32];
    for (pair, byte) in text.as_chunks_mut::<2>().0.iter_mut().zip(bytes) {
        *pair = [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]];
    }
    text
}

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
