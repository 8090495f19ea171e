//! How a session is laid out in Redis: six numbers that scripts work with, and the rest as one packed string
//! that only we read.

use std::time::Duration;

use hardening::clock::Timestamp;
use hardening::fault::Fault;
use hardening::session::{Assurance, ClientDescription, Session, SessionId};

/// The first byte of a packed string.
const VERSION: u8 = 1;

/// Fields as scripts answer them: expires, idle, last activity, created, authenticated, epoch, the packed rest.
pub(in crate::redis) type Fields = (i64, i64, i64, i64, i64, i64, Vec<u8>);

/// The session's idle time in microseconds; zero means none.
pub(super) fn idle_micros(session: &Session) -> i64 {
    i64::try_from(session.idle_timeout.as_micros()).unwrap_or(i64::MAX)
}

/// What no script looks at.
pub(super) fn pack(session: &Session) -> Vec<u8> {
    let Session { org_id, email, roles, assurance, client, .. } = session;
    let ClientDescription { device_type, browser, os, ip_address } = client;
    let texts = [org_id, email, device_type, browser, os, ip_address];
    let length: usize = texts.into_iter().chain(roles).map(|text| text.len() + 4).sum();
    let mut packed = Vec::with_capacity(length + 2);
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
/// [`Fault::Internal`] when the record is not one of ours: that is no "no such session".
pub(in crate::redis) fn unpack(person_id: &str, id: SessionId, fields: Fields) -> Result<Session, Fault> {
    let (expires_at, idle, last_activity, created_at, authenticated_at, credential_epoch, packed) = fields;
    let (assurance, mut texts) =
        texts(&packed).ok_or_else(|| Fault::internal("a session record that cannot be read"))?;
    let roles = texts.split_off(SINGLE_TEXTS);
    let mut texts = texts.into_iter();
    let mut next = || texts.next().unwrap_or_default();
    let (org_id, email) = (next(), next());
    let client = ClientDescription { device_type: next(), browser: next(), os: next(), ip_address: next() };
    Ok(Session {
        id,
        person_id: person_id.to_owned(),
        org_id,
        email,
        roles,
        assurance,
        credential_epoch,
        created_at: Timestamp::from_micros(created_at),
        authenticated_at: Timestamp::from_micros(authenticated_at),
        last_activity: Timestamp::from_micros(last_activity),
        expires_at: Timestamp::from_micros(expires_at),
        idle_timeout: Duration::from_micros(u64::try_from(idle).unwrap_or(0)),
        client,
    })
}

/// Organization, address and the four of the client; the roles follow.
const SINGLE_TEXTS: usize = 6;

fn texts(packed: &[u8]) -> Option<(Assurance, Vec<String>)> {
    let (&[VERSION, assurance], mut rest) = packed.split_first_chunk::<2>()? else { return None };
    let assurance = match assurance {
        0 => Assurance::Password,
        1 => Assurance::TwoFactor,
        _ => return None,
    };
    let mut texts = Vec::with_capacity(SINGLE_TEXTS + 2);
    while !rest.is_empty() {
        let (length, after) = rest.split_first_chunk::<4>()?;
        let (text, after) = after.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
        texts.push(std::str::from_utf8(text).ok()?.to_owned());
        rest = after;
    }
    (texts.len() >= SINGLE_TEXTS).then_some((assurance, texts))
}

#[cfg(test)]
mod tests {
    use hardening::entropy::OsEntropy;
    use proptest::prelude::*;

    use super::*;

    fn session(texts: &[String], roles: Vec<String>, two_factor: bool) -> Session {
        Session {
            id: SessionId::generate(&OsEntropy),
            person_id: "person_1".into(),
            org_id: texts[0].clone(),
            email: texts[1].clone(),
            roles,
            assurance: if two_factor { Assurance::TwoFactor } else { Assurance::Password },
            credential_epoch: 7,
            created_at: Timestamp::from_micros(1),
            authenticated_at: Timestamp::from_micros(2),
            last_activity: Timestamp::from_micros(3),
            expires_at: Timestamp::from_micros(4),
            idle_timeout: Duration::from_micros(5),
            client: ClientDescription {
                device_type: texts[2].clone(),
                browser: texts[3].clone(),
                os: texts[4].clone(),
                ip_address: texts[5].clone(),
            },
        }
    }

    proptest! {
        #[test]
        fn what_was_packed_is_unpacked(
            texts in prop::collection::vec(".{0,20}", 6), roles in prop::collection::vec(".{0,9}", 0..4),
            two_factor: bool
        ) {
            let given = session(&texts, roles, two_factor);
            let fields = (4, 5, 3, 1, 2, 7, pack(&given));
            prop_assert_eq!(unpack("person_1", given.id.clone(), fields), Ok(given));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = texts(&bytes);
            let _ = texts(&[&[VERSION, 0][..], &bytes].concat());
        }
    }

    #[test]
    fn what_is_not_ours_is_a_fault() {
        let whole = pack(&session(&vec![String::from("x"); 6], vec!["admin".into()], true));
        let cut = whole[..whole.len() - 1].to_vec();
        let other_version = [&[2][..], &whole[1..]].concat();
        let unknown_assurance = [&[VERSION, 9][..], &whole[2..]].concat();
        for bad in [vec![], vec![VERSION], vec![VERSION, 0], cut, other_version, unknown_assurance] {
            assert_eq!(texts(&bad), None);
            let id = SessionId::generate(&OsEntropy);
            assert!(matches!(unpack("p", id, (0, 0, 0, 0, 0, 0, bad)), Err(Fault::Internal(_))));
        }
    }
}
