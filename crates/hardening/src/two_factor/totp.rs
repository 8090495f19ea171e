//! RFC 6238 (TOTP) on RFC 4226 (HOTP).

use std::fmt;
use std::time::Duration;

use data_encoding::BASE32_NOPAD;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use subtle::{Choice, ConditionallySelectable as _, ConstantTimeEq as _};
use zeroize::Zeroize;

use crate::clock::Timestamp;
use crate::entropy::{Entropy, random_bytes};
use crate::secret::Secret;

/// The time step (RFC 6238, 4.1).
const STEP_SECONDS: i64 = 30;
/// How many steps before the window a code is recognised as old, for a hint at a wrong clock: five minutes.
const RECOGNISED_STEPS: i64 = 10;

/// A shared secret of 160 bits (RFC 4226, 4, R6).
#[derive(Clone)]
pub struct TotpSecret(Secret<Vec<u8>>);

impl TotpSecret {
    /// A new one.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        Self(Secret::new(random_bytes::<20>(entropy).to_vec()))
    }

    /// Reads Base32 as apps and other programs write it: in either case, padded or not. `None` for anything else,
    /// and for less than 80 bits.
    pub fn from_base32(text: &str) -> Option<Self> {
        let upper = Secret::new(text.trim_end_matches('=').to_ascii_uppercase());
        let bytes = BASE32_NOPAD.decode(upper.expose().as_bytes()).ok()?;
        (bytes.len() >= 10).then(|| Self(Secret::new(bytes)))
    }

    /// Unpadded Base32, for typing and for `otpauth:` links.
    pub fn to_base32(&self) -> Secret<String> {
        Secret::new(BASE32_NOPAD.encode(self.0.expose()))
    }
}

impl fmt::Debug for TotpSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TotpSecret([REDACTED])")
    }
}

/// Six digits.
#[derive(Clone, PartialEq, Eq, Zeroize)]
pub struct TotpCode(u32);

impl TotpCode {
    /// Exactly six ASCII digits, as a number below a million.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.len() == 6 && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse().ok()).flatten().map(Self)
    }

    /// As people type it.
    pub fn to_text(&self) -> Secret<String> {
        Secret::new(format!("{:06}", self.0))
    }
}

impl fmt::Debug for TotpCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TotpCode([REDACTED])")
    }
}

/// What a code is worth at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TotpVerdict {
    /// The code of this time step, which was not used yet: to be stored as the last one, if it still is later.
    Right(i64),
    /// A code of the present, but its step, or a later one, was used already.
    Used,
    /// The code of a step that is over: the clock of the app, or of this server, is wrong by about this much.
    /// Only the past is looked at: a hint at a code still to come would confirm it.
    Late(Duration),
    /// None of these.
    Wrong,
}

/// The check of codes.
#[derive(Clone, Copy, Debug)]
pub struct Totp {
    window: i64,
}

impl Totp {
    /// Accepts codes that are up to `window` steps early or late (RFC 6238, 5.2, recommends one at most).
    pub fn new(window: u32) -> Self {
        Self { window: window.into() }
    }

    /// The code that an app shows at this moment.
    pub fn code_at(&self, secret: &TotpSecret, now: Timestamp) -> TotpCode {
        TotpCode(hotp(secret, step_of(now)))
    }

    /// Compares with every step of the window, and of the recent past, in constant time.
    pub fn check(&self, secret: &TotpSecret, code: &TotpCode, last_step: i64, now: Timestamp) -> TotpVerdict {
        let present = step_of(now);
        let (mut unused, mut any, mut late) = (-1, Choice::from(0), 0);
        for step in present - self.window..=present + self.window {
            let fits = fits(secret, step, code);
            any |= fits;
            unused.conditional_assign(&step, fits & Choice::from(u8::from(step > last_step)));
        }
        for ago in (self.window + 1..=self.window + RECOGNISED_STEPS).rev() {
            late.conditional_assign(&ago, fits(secret, present - ago, code));
        }
        match (unused, bool::from(any), late) {
            (step, _, _) if step >= 0 => TotpVerdict::Right(step),
            (_, true, _) => TotpVerdict::Used,
            (_, _, 0) => TotpVerdict::Wrong,
            (_, _, ago) => TotpVerdict::Late(Duration::from_secs((ago * STEP_SECONDS).unsigned_abs())),
        }
    }
}

fn step_of(now: Timestamp) -> i64 {
    now.unix_seconds().div_euclid(STEP_SECONDS)
}

fn fits(secret: &TotpSecret, step: i64, code: &TotpCode) -> Choice {
    hotp(secret, step).ct_eq(&code.0)
}

/// RFC 4226, 5.3, with six digits.
fn hotp(secret: &TotpSecret, counter: i64) -> u32 {
    truncated(secret.0.expose(), counter) % 1_000_000
}

fn truncated(secret: &[u8], counter: i64) -> u32 {
    let mut mac = Hmac::<Sha1>::new_from_slice(secret).expect("HMAC takes a key of any length");
    mac.update(&counter.to_be_bytes());
    let tag = mac.finalize().into_bytes();
    let offset = usize::from(tag[19] & 0x0f);
    u32::from_be_bytes([tag[offset] & 0x7f, tag[offset + 1], tag[offset + 2], tag[offset + 3]])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::entropy::{OsEntropy, PredictableEntropy};

    const KEY: &[u8] = b"12345678901234567890";

    fn secret() -> TotpSecret {
        TotpSecret(Secret::new(KEY.to_vec()))
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_seconds(seconds)
    }

    /// RFC 4226, appendix D.
    #[test]
    fn hotp_vectors() {
        let expected =
            [755_224, 287_082, 359_152, 969_429, 338_314, 254_676, 287_922, 162_583, 399_871, 520_489];
        for (counter, code) in (0..).zip(expected) {
            assert_eq!(hotp(&secret(), counter), code);
        }
    }

    /// RFC 6238, appendix B, the rows for SHA-1; eight digits, of which six are the last six.
    #[test]
    fn totp_vectors() {
        for (time, code) in [
            (59, 94_287_082),
            (1_111_111_109, 7_081_804),
            (1_111_111_111, 14_050_471),
            (1_234_567_890, 89_005_924),
            (2_000_000_000, 69_279_037),
            (20_000_000_000_i64, 65_353_130),
        ] {
            assert_eq!(truncated(KEY, time / 30) % 100_000_000, code);
            assert_eq!(Totp::new(1).code_at(&secret(), at(time)), TotpCode(code % 1_000_000));
        }
    }

    #[test]
    fn the_window_is_exact_on_both_sides() {
        let now = at(1_000_000_000);
        let step = step_of(now);
        for window in [0, 1, 2] {
            let totp = Totp::new(window);
            for offset in -3_i64..=3 {
                let code = TotpCode(hotp(&secret(), step + offset));
                let verdict = totp.check(&secret(), &code, 0, now);
                let accepted = offset.unsigned_abs() <= u64::from(window);
                assert_eq!(verdict == TotpVerdict::Right(step + offset), accepted, "{window} {offset}");
            }
        }
    }

    #[test]
    fn used_and_older_steps_are_refused() {
        let (totp, now) = (Totp::new(1), at(1_000_000_000));
        let step = step_of(now);
        for offset in -1..=1 {
            let code = TotpCode(hotp(&secret(), step + offset));
            for last in -1..=1 {
                let expected =
                    if offset > last { TotpVerdict::Right(step + offset) } else { TotpVerdict::Used };
                assert_eq!(totp.check(&secret(), &code, step + last, now), expected, "{offset} {last}");
            }
        }
    }

    #[test]
    fn a_hint_comes_from_the_past_alone() {
        let (totp, now) = (Totp::new(1), at(1_000_000_000));
        let step = step_of(now);
        let verdict = |offset| totp.check(&secret(), &TotpCode(hotp(&secret(), step + offset)), 0, now);
        assert_eq!(verdict(-2), TotpVerdict::Late(Duration::from_mins(1)));
        assert_eq!(verdict(-11), TotpVerdict::Late(Duration::from_secs(330)));
        for offset in [-12, 2, 3, 11] {
            assert_eq!(verdict(offset), TotpVerdict::Wrong, "{offset}");
        }
    }

    #[test]
    fn only_six_ascii_digits_are_a_code() {
        assert_eq!(TotpCode::parse("012345"), Some(TotpCode(12_345)));
        assert_eq!(TotpCode(7).to_text().expose(), "000007");
        for bad in [
            "",
            "+12345",
            " 12345",
            "123456 ",
            "-12345",
            "12345",
            "1234567",
            "１２３４５６",
            "12345a",
            "1e5000",
        ] {
            assert_eq!(TotpCode::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn secrets_have_160_bits_and_read_back() {
        let made = TotpSecret::generate(&OsEntropy);
        let text = made.to_base32();
        assert_eq!(text.expose().len(), 32);
        for form in [text.expose().clone(), text.expose().to_lowercase(), format!("{}======", text.expose())]
        {
            let read = TotpSecret::from_base32(&form).expect("Base32");
            assert_eq!(read.to_base32(), text);
        }
        for bad in ["", "A", "GEZDGNBV", "0189", "é", "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJ!"] {
            assert!(TotpSecret::from_base32(bad).is_none(), "{bad}");
        }
        assert_ne!(TotpSecret::generate(&PredictableEntropy::from_seed(1)).to_base32(), text);
        assert!(!format!("{made:?} {:?}", TotpCode(1)).contains(text.expose()));
    }

    proptest! {
        #[test]
        fn a_code_is_right_once(seconds in 0_i64..10_000_000_000, skew in -29_i64..=29) {
            let (totp, now) = (Totp::new(1), at(seconds + 30));
            let code = totp.code_at(&secret(), at(seconds + 30 + skew));
            let TotpVerdict::Right(step) = totp.check(&secret(), &code, -1, now) else {
                return Err(TestCaseError::fail("refused"));
            };
            prop_assert!(!matches!(totp.check(&secret(), &code, step, now), TotpVerdict::Right(again) if again <= step));
        }
    }
}
