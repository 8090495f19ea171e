//! Known devices: a signed token that says "this browser has signed in to this account before".
//!
//! * It opens nothing. It only gives its holder a budget of failures of its own, so that strangers who lock
//!   an account do not lock its owner out (OWASP "Slow Down Online Guessing Attacks with Device Cookies").
//! * It is bound to one person and to the person's device epoch: whoever raises the epoch (a password change
//!   elsewhere) voids every older one.
//! * It lives [`LIFETIME`]. Browsers keep it in a cookie, clients send it as `device_token`.
//!
//! ```
//! use hardening::{clock::Timestamp, device::DeviceKeys, keys::KeyRing, secret::Secret};
//! let ring = KeyRing::new(&Secret::new("a root secret of 32 characters or more".into()), None);
//! let keys = DeviceKeys::new(&ring);
//! let now = Timestamp::from_unix_seconds(1_000);
//! let token = keys.issue("person_1", "device_1", 3, now);
//! let known = keys.verify(token.expose(), now).expect("just issued");
//! assert_eq!((known.person_id.as_str(), known.device_epoch), ("person_1", 3));
//! ```

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::keys::{KeyLabel, KeyRing, Signer};
use crate::secret::Secret;
use crate::session::token::CLOCK_LEEWAY;

/// How long a device stays known after its last sign-in: 180 days.
pub const LIFETIME: Duration = Duration::from_hours(180 * 24);

/// No cookie is longer (RFC 6265bis, 5.6).
const MAX_LENGTH: usize = 4096;

/// What a known-device token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceClaims {
    /// The account it is known to. The caller must compare it with the account that is being opened.
    pub person_id: String,
    /// The device's own id: its budget is counted under it.
    pub device_id: String,
    /// The person's device epoch at that sign-in. The caller must compare it with the present one.
    pub device_epoch: i64,
    /// When it was issued.
    pub issued_at: Timestamp,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Payload {
    person: String,
    device: String,
    epoch: i64,
    micros: i64,
}

impl Payload {
    fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("strings and whole numbers are always JSON")
    }
}

/// Issues and verifies known-device tokens.
#[derive(Clone, Debug)]
pub struct DeviceKeys {
    signer: Signer,
}

impl DeviceKeys {
    /// Under the ring's device key.
    pub fn new(ring: &KeyRing) -> Self {
        Self { signer: ring.signer(KeyLabel::Device) }
    }

    /// A token for one person on one device.
    pub fn issue(&self, account: &str, device_id: &str, epoch: i64, now: Timestamp) -> Secret<String> {
        let payload =
            Payload { person: account.to_owned(), device: device_id.to_owned(), epoch, micros: now.micros() };
        Secret::new(self.signer.seal(&payload.to_json()))
    }

    /// What the token says if it is ours and not too old; else the client is a stranger like any other.
    pub fn verify(&self, token: &str, now: Timestamp) -> Option<DeviceClaims> {
        let payload: Payload = serde_json::from_slice(&self.signer.open(token, MAX_LENGTH)?).ok()?;
        let issued_at = Timestamp::from_micros(payload.micros);
        let in_time = issued_at <= now + CLOCK_LEEWAY && now < issued_at + LIFETIME;
        in_time.then_some(DeviceClaims {
            person_id: payload.person,
            device_id: payload.device,
            device_epoch: payload.epoch,
            issued_at,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::keys::tests::ring;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_000_000);

    fn keys() -> DeviceKeys {
        DeviceKeys::new(&ring("root", None))
    }

    #[test]
    fn it_says_who_and_which_and_since_when() {
        let token = keys().issue("person_1", "device_1", 7, NOW);
        assert!(token.expose().bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)));
        assert_eq!(
            keys().verify(token.expose(), NOW),
            Some(DeviceClaims {
                person_id: "person_1".into(),
                device_id: "device_1".into(),
                device_epoch: 7,
                issued_at: NOW
            })
        );
    }

    #[test]
    fn it_lives_180_days_to_the_microsecond() {
        let token = keys().issue("person_1", "device_1", 0, NOW);
        let at = |moment| keys().verify(token.expose(), moment).is_some();
        assert!(at(NOW + LIFETIME - Duration::from_micros(1)) && !at(NOW + LIFETIME));
        assert!(at(NOW - CLOCK_LEEWAY) && !at(NOW - CLOCK_LEEWAY - Duration::from_micros(1)));
    }

    #[test]
    fn foreign_and_changed_tokens_are_strangers() {
        let foreign = DeviceKeys::new(&ring("other", None)).issue("person_1", "device_1", 0, NOW);
        assert_eq!(keys().verify(foreign.expose(), NOW), None);
        let other_label = ring("root", None).signer(KeyLabel::Csrf);
        let payload = br#"{"person":"person_1","device":"d","epoch":0,"micros":1000000000000}"#;
        assert_eq!(keys().verify(&other_label.seal(payload), NOW), None);
        assert!(keys().verify(&keys().signer.seal(payload), NOW).is_some());
        for odd in [&b"{}"[..], b"", b"[1]", br#"{"person":"p","device":"d","epoch":0,"micros":1,"x":1}"#] {
            assert_eq!(keys().verify(&keys().signer.seal(odd), NOW), None);
        }
        let token = keys().issue("person_1", "device_1", 0, NOW);
        let (payload, tag) = token.expose().split_once('.').unwrap();
        for bad in
            [payload.to_owned(), format!("{payload}.{tag}x"), format!("x{payload}.{tag}"), String::new()]
        {
            assert_eq!(keys().verify(&bad, NOW), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn whatever_was_issued_is_said_again(account in ".{0,60}", device in ".{0,60}", epoch: i64) {
            let token = keys().issue(&account, &device, epoch, NOW);
            let said = DeviceClaims { person_id: account, device_id: device, device_epoch: epoch, issued_at: NOW };
            prop_assert_eq!(keys().verify(token.expose(), NOW), Some(said));
        }

        #[test]
        fn one_changed_character_makes_a_stranger(at: prop::sample::Index, to in "[A-Za-z0-9_.=~-]") {
            let token = keys().issue("person_1", "device_1", 7, NOW);
            let mut changed: Vec<char> = token.expose().chars().collect();
            let at = at.index(changed.len());
            changed[at] = to.chars().next().expect("one character");
            let changed: String = changed.into_iter().collect();
            prop_assert_eq!(keys().verify(&changed, NOW).is_some(), changed == *token.expose());
        }

        #[test]
        fn cut_or_longer_tokens_are_strangers(keep: prop::sample::Index, more in "[A-Za-z0-9_.-]{1,9}") {
            let token = keys().issue("person_1", "device_1", 7, NOW);
            let whole = token.expose();
            prop_assert_eq!(keys().verify(&whole[..keep.index(whole.len())], NOW), None);
            prop_assert_eq!(keys().verify(&format!("{whole}{more}"), NOW), None);
        }

        #[test]
        fn what_was_not_issued_is_a_stranger(text in "\\PC{0,200}|[A-Za-z0-9_-]{0,90}\\.[A-Za-z0-9_-]{43}") {
            prop_assert_eq!(keys().verify(&text, NOW), None);
        }
    }
}
