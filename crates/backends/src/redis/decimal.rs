//! Numbers in decimal, which every request reads and writes a few of.

/// Digits of the longest number, without its sign.
const LONGEST: usize = 19;

/// A number, with a sign perhaps; none when it is none, or does not fit.
pub(super) fn decimal(text: &[u8]) -> Option<i64> {
    let (digits, negative) = match text.split_first()? {
        (b'-', digits) => (digits, true),
        (b'+', digits) => (digits, false),
        _ => (text, false),
    };
    if digits.is_empty() || digits.len() > LONGEST {
        return None;
    }
    // Nineteen digits fit in any case; whether they are digits is asked once.
    let (mut number, mut worst) = (0_u64, 0);
    for octet in digits {
        let digit = octet.wrapping_sub(b'0');
        worst = worst.max(digit);
        number = number.wrapping_mul(10).wrapping_add(u64::from(digit));
    }
    if worst > 9 {
        return None;
    }
    if negative { 0_i64.checked_sub_unsigned(number) } else { i64::try_from(number).ok() }
}

/// The last `WIDTH` digits of a number, as text.
pub(super) fn last_digits<const WIDTH: usize>(number: u64) -> String {
    let mut digits = [b'0'; WIDTH];
    let mut rest = number;
    for digit in digits.iter_mut().rev() {
        *digit += u8::try_from(rest % 10).unwrap_or_default();
        rest /= 10;
    }
    std::str::from_utf8(&digits).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_was_written_is_read(number: i64) {
            prop_assert_eq!(decimal(number.to_string().as_bytes()), Some(number));
            prop_assert_eq!(decimal(format!("{number:+020}").as_bytes()), Some(number));
        }

        #[test]
        fn it_reads_what_the_library_reads(text in "[+-]?[0-9x]{0,21}") {
            // The library takes zeros without end.
            prop_assume!(text.len() <= LONGEST);
            prop_assert_eq!(decimal(text.as_bytes()), text.parse().ok());
        }

        #[test]
        fn digits_are_the_last_ones(number: u64) {
            let text = format!("{number:018}");
            prop_assert_eq!(last_digits::<18>(number), &text[text.len() - 18..]);
        }
    }

    #[test]
    fn the_edges() {
        for number in [i64::MIN, i64::MAX, 0, -1, 999_999_999_999_999_999] {
            assert_eq!(decimal(number.to_string().as_bytes()), Some(number));
        }
        for wrong in
            ["", "-", "+", "9223372036854775808", "-9223372036854775809", "99999999999999999999", "1 ", "0x1"]
        {
            assert_eq!(decimal(wrong.as_bytes()), None, "{wrong}");
        }
    }
}
