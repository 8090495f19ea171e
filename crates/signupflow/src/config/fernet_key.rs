//! Decodes Fernet keys as Python's `cryptography` does, so that a key that works there works here and the
//! other way round.

use hardening::secret::Secret;

/// The 32 bytes of a key. Python decodes leniently: both alphabets, even mixed; any other ASCII character is
/// skipped; padding is demanded, and what follows it is ignored. Text that is not ASCII is refused.
pub(super) fn decode(text: &str) -> Option<Secret<[u8; 32]>> {
    if !text.is_ascii() {
        return None;
    }
    let (mut bits, mut pending, mut in_group, mut pads) = (0_u32, 0_u32, 0_u8, 0_u8);
    let mut out = Vec::with_capacity(33);
    for character in text.bytes() {
        if character == b'=' {
            pads += u8::from(in_group >= 2);
            if in_group >= 2 && in_group + pads >= 4 {
                in_group = 0;
                break;
            }
            continue;
        }
        let Some(value) = value_of(character) else { continue };
        pads = 0;
        in_group = (in_group + 1) % 4;
        bits = (bits << 6 | u32::from(value)) & 0x3fff;
        pending += 6;
        if pending >= 8 {
            pending -= 8;
            out.push(u8::try_from(bits >> pending & 0xff).ok()?);
        }
        if in_group == 0 {
            (bits, pending) = (0, 0);
        }
    }
    let bytes = Secret::new(out);
    if in_group != 0 {
        return None;
    }
    <[u8; 32]>::try_from(bytes.expose().as_slice()).ok().map(Secret::new)
}

fn value_of(character: u8) -> Option<u8> {
    match character {
        b'A'..=b'Z' => Some(character - b'A'),
        b'a'..=b'z' => Some(character - b'a' + 26),
        b'0'..=b'9' => Some(character - b'0' + 52),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};
    use proptest::prelude::*;

    const KEY: [u8; 32] = [0xfb; 32];

    #[test]
    fn everything_that_python_accepts() {
        let (safe, standard) = (URL_SAFE.encode(KEY), STANDARD.encode(KEY));
        let mixed = safe.replacen('-', "+", 3);
        let (head, tail) = safe.split_at(20);
        for text in [
            safe.clone(),
            standard,
            mixed,
            format!(" {safe}"),
            format!("{safe}\n"),
            format!("{head}\n{tail}"),
            format!("{head}!{tail}"),
            format!("{safe}=="),
            format!("{safe}trailing"),
        ] {
            assert_eq!(decode(&text).map(|key| *key.expose()), Some(KEY), "{text:?}");
        }
    }

    #[test]
    fn everything_that_python_refuses() {
        let safe = URL_SAFE.encode(KEY);
        for text in [
            String::new(),
            "=".to_owned(),
            safe.trim_end_matches('=').to_owned(),
            format!("A{safe}"),
            safe[1..].to_owned(),
            URL_SAFE.encode([1; 31]),
            URL_SAFE.encode([1; 33]),
            format!("{safe}é"),
            "your-fernet-encryption-key-here".to_owned(),
        ] {
            assert_eq!(decode(&text), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn any_key_in_either_alphabet(key in any::<[u8; 32]>()) {
            for text in [STANDARD.encode(key), URL_SAFE.encode(key)] {
                prop_assert_eq!(decode(&text).map(|key| *key.expose()), Some(key));
            }
        }

        #[test]
        fn any_text_is_decoded_or_refused(text in any::<String>()) {
            let _ = decode(&text);
        }
    }
}
