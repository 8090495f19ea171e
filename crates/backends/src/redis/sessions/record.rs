//! How a session is laid out in Redis: six numbers in decimal at fixed places, which scripts work with, and the
//! rest packed behind them, which only we read: organization, address, the four of the client, and the roles.

use std::io::Write as _;
use std::time::Duration;

use hardening::clock::Timestamp;
use hardening::fault::Fault;
use hardening::session::{Assurance, ClientDescription, Session, SessionId};

use crate::redis::decimal::{decimal, last_digits};

/// The first byte behind the numbers.
const VERSION: u8 = 1;
/// The width of a moment or a length of time, in digits of microseconds: enough for the year 9999.
const MOMENT: usize = 18;
/// The width of an epoch, its sign included.
const EPOCH: usize = 20;
/// The longest idle time that can be written, some thirty thousand years.
const LONGEST_IDLE: i64 = 999_999_999_999_999_999;

/// A moment as it is stored.
pub(super) fn moment(at: Timestamp) -> String {
    last_digits::<MOMENT>(at.micros().max(0).unsigned_abs())
}

/// The session as it is stored, without its id and its person: those are the key.
pub(super) fn pack(session: &Session) -> Vec<u8> {
    let Session { org_id, email, roles, assurance, client, .. } = session;
    let ClientDescription { device_type, browser, os, ip_address } = client;
    let texts = [org_id, email, device_type, browser, os, ip_address];
    let length: usize = texts.into_iter().chain(roles).map(|text| text.len() + 4).sum();
    let mut packed = Vec::with_capacity(5 * MOMENT + EPOCH + 2 + length);
    let idle = i64::try_from(session.idle_timeout.as_micros()).unwrap_or(LONGEST_IDLE).min(LONGEST_IDLE);
    let [last, expires, created, authenticated] =
        [session.last_activity, session.expires_at, session.created_at, session.authenticated_at]
            .map(Timestamp::micros);
    for number in [last, expires, idle, created, authenticated] {
        write!(packed, "{number:018}").expect("memory takes every write");
    }
    write!(packed, "{:+020}", session.credential_epoch).expect("memory takes every write");
    packed.extend([VERSION, u8::from(*assurance == Assurance::TwoFactor)]);
    for text in texts.into_iter().chain(roles) {
        // No text of a session comes near four gigabytes; one that did would fail to unpack.
        packed.extend(u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes());
        packed.extend(text.as_bytes());
    }
    packed
}

/// The session that was found under a person and an id.
///
/// # Errors
/// [`Fault::Internal`] when it is not one of ours: that is no "no such session".
pub(super) fn unpack(person_id: &str, id: SessionId, stored: &[u8]) -> Result<Session, Fault> {
    read(person_id, id, stored).ok_or_else(|| Fault::internal("a stored session that cannot be read"))
}

fn read(person_id: &str, id: SessionId, stored: &[u8]) -> Option<Session> {
    let mut rest = stored;
    let mut number = |width: usize| {
        let (digits, after) = rest.split_at_checked(width)?;
        rest = after;
        decimal(digits)
    };
    let mut moment = || number(MOMENT).map(Timestamp::from_micros);
    let (last_activity, expires_at) = (moment()?, moment()?);
    let idle_timeout = Duration::from_micros(moment()?.micros().unsigned_abs());
    let (created_at, authenticated_at) = (moment()?, moment()?);
    let credential_epoch = number(EPOCH)?;
    let (assurance, mut rest) = assurance(rest)?;
    let [org_id, email, device_type, browser, os, ip_address] = {
        let mut text = || text(&mut rest);
        [text()?, text()?, text()?, text()?, text()?, text()?]
    };
    let mut roles = Vec::with_capacity(2);
    while !rest.is_empty() {
        roles.push(text(&mut rest)?);
    }
    Some(Session {
        id,
        person_id: person_id.to_owned(),
        org_id,
        email,
        roles,
        assurance,
        credential_epoch,
        created_at,
        authenticated_at,
        last_activity,
        expires_at,
        idle_timeout,
        client: ClientDescription { device_type, browser, os, ip_address },
    })
}

fn assurance(packed: &[u8]) -> Option<(Assurance, &[u8])> {
    match packed {
        [VERSION, 0, rest @ ..] => Some((Assurance::Password, rest)),
        [VERSION, 1, rest @ ..] => Some((Assurance::TwoFactor, rest)),
        _ => None,
    }
}

fn text(rest: &mut &[u8]) -> Option<String> {
    let (length, after) = rest.split_first_chunk::<4>()?;
    let (text, after) = after.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
    *rest = after;
    Some(std::str::from_utf8(text).ok()?.to_owned())
}

#[cfg(test)]
mod tests {
    use hardening::entropy::OsEntropy;
    use proptest::prelude::*;

    use super::*;

    const HEAD: usize = 5 * MOMENT + EPOCH;

    fn session(texts: &[String], roles: Vec<String>, two_factor: bool, number: i64) -> Session {
        Session {
            id: SessionId::generate(&OsEntropy),
            person_id: "person_1".into(),
            org_id: texts[0].clone(),
            email: texts[1].clone(),
            roles,
            assurance: if two_factor { Assurance::TwoFactor } else { Assurance::Password },
            credential_epoch: number,
            created_at: Timestamp::from_micros(number),
            authenticated_at: Timestamp::from_micros(number / 2),
            last_activity: Timestamp::from_micros(number / 3),
            expires_at: Timestamp::from_micros(number / 5),
            idle_timeout: Duration::from_micros(number.unsigned_abs() % 1_000_000_000_000),
            client: ClientDescription {
                device_type: texts[2].clone(),
                browser: texts[3].clone(),
                os: texts[4].clone(),
                ip_address: texts[5].clone(),
            },
        }
    }

    fn sample() -> Session {
        session(&vec![String::from("x"); 6], vec!["admin".into()], true, 7)
    }

    proptest! {
        #[test]
        fn what_was_packed_is_unpacked(
            texts in prop::collection::vec(".{0,20}", 6), roles in prop::collection::vec(".{0,9}", 0..4),
            two_factor: bool, number: i64
        ) {
            let given = session(&texts, roles, two_factor, number);
            prop_assert_eq!(unpack("person_1", given.id.clone(), &pack(&given)), Ok(given));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let whole = pack(&sample());
            for stored in [bytes.clone(), [&whole[..HEAD], &bytes].concat(), [&whole[..HEAD + 2], &bytes].concat()] {
                let _ = unpack("person_1", SessionId::generate(&OsEntropy), &stored);
            }
        }
    }

    #[test]
    fn numbers_lie_where_scripts_look_for_them() {
        let stored = pack(&Session {
            last_activity: Timestamp::from_micros(1),
            expires_at: Timestamp::MAX,
            idle_timeout: Duration::MAX,
            created_at: Timestamp::from_micros(55),
            authenticated_at: Timestamp::from_micros(73),
            credential_epoch: i64::MIN,
            ..sample()
        });
        let head = std::str::from_utf8(&stored[..HEAD]).unwrap();
        let [last, expires, idle] = ["000000000000000001", "253402300799000000", "999999999999999999"];
        let [created, authenticated] = ["000000000000000055", "000000000000000073"];
        assert_eq!(head, [last, expires, idle, created, authenticated, "-9223372036854775808"].concat());
    }

    #[test]
    fn what_is_not_ours_is_a_fault() {
        let whole = pack(&sample());
        let (head, rest) = whole.split_at(HEAD);
        let cut = &whole[..whole.len() - 1];
        let letters = [&b"x"[..], &whole[1..]].concat();
        let other_version = [head, &[2], &rest[1..]].concat();
        let unknown_assurance = [head, &[VERSION, 9], &rest[2..]].concat();
        let without_texts = &whole[..HEAD + 2];
        for bad in [&[][..], head, cut, &letters, &other_version, &unknown_assurance, without_texts] {
            let read = unpack("p", SessionId::generate(&OsEntropy), bad);
            assert!(matches!(read, Err(Fault::Internal(_))), "{bad:?}");
        }
    }
}
