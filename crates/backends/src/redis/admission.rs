//! One round trip a request: the session, its last activity and the person's traffic limits in one script.

use hardening::clock::Timestamp;
use hardening::fault::Fault;
use hardening::rate_limit::{Decision, Quota};
use hardening::session::{Session, SessionId};

use super::quotas::{self, hash_tag};
use super::sessions::{PersonKeys, RedisSessions, touched, touching};
use super::{Arg, scripts};

/// Whether all these keys lie in the slot of the person's sessions.
pub(super) fn fits_one_slot(person: &PersonKeys, quotas: &[(String, Quota)]) -> bool {
    let tag = hash_tag(&person.prefix);
    quotas.iter().all(|(key, _)| hash_tag(key) == tag)
}

/// The session if it is live, and then what the limits say. Nothing is taken for a session that is over.
pub(super) async fn admit(
    sessions: &RedisSessions,
    person_id: &str,
    person: &PersonKeys,
    id: &SessionId,
    now: Timestamp,
    quotas: &[(String, Quota)],
) -> Result<(Option<Session>, Option<Decision>), Fault> {
    let session_key = person.session(id);
    let mut keys: Vec<&str> = Vec::with_capacity(quotas.len() + 2);
    keys.extend([session_key.as_str(), person.index.as_str()]);
    keys.extend(quotas.iter().map(|(key, _)| key.as_str()));
    let mut arguments: Vec<Arg> = Vec::with_capacity(3 * quotas.len() + 2);
    arguments.extend(touching(id, now));
    quotas::push_numbers(&mut arguments, quotas.iter().map(|(_, quota)| *quota));
    let answer: Option<Vec<u8>> = sessions.link.run(&scripts::ADMISSION, &keys, &arguments).await?;
    let Some(answer) = answer else { return Ok((None, None)) };
    let quotas = quotas.iter().map(|(_, quota)| *quota).enumerate();
    let (decision, session) = quotas::tightest(quotas, &answer, now)?;
    Ok((Some(touched(person_id, id, session, now)?), Some(decision)))
}
