//! The contract of [`SessionStore`], races included.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use hardening::clock::{Clock as _, SystemClock, Timestamp};
use hardening::entropy::OsEntropy;
use hardening::session::{Assurance, ClientDescription, Session, SessionId, SessionStore};
use tokio::task::JoinSet;

const MICROSECOND: Duration = Duration::from_micros(1);
const SECOND: Duration = Duration::from_secs(1);
const IDLE: Duration = Duration::from_mins(30);
const TTL: Duration = Duration::from_hours(24);
const NO_BOUND: u32 = u32::MAX;

/// A store with the surroundings that it needs.
#[async_trait]
pub trait SessionBench: Send + Sync {
    /// The store under test.
    fn store(&self) -> Arc<dyn SessionStore>;

    /// The id of a new person, who has no sessions.
    async fn person(&self) -> String;

    /// Makes many sessions, as fast as the backend can.
    async fn seed(&self, sessions: &[Session]) {
        for session in sessions {
            create(&*self.store(), session).await;
        }
    }
}

/// Runs every check.
pub async fn all(bench: &dyn SessionBench) {
    what_was_created_is_resumed_as_it_was(bench).await;
    nobody_else_and_no_other_id_resumes(bench).await;
    it_ends_absolutely_to_the_microsecond(bench).await;
    it_ends_by_resting_to_the_microsecond(bench).await;
    activity_never_goes_back(bench).await;
    an_ended_session_stays_ended(bench).await;
    a_new_id_replaces_the_old_one(bench).await;
    the_oldest_go_when_there_are_too_many(bench).await;
    expired_ones_do_not_count(bench).await;
    parallel_creations_never_exceed_the_bound(bench).await;
    ending_all_can_keep_one(bench).await;
    older_epochs_end_and_others_stay(bench).await;
    the_list_is_newest_first_and_live(bench).await;
    giving_the_password_again_is_remembered(bench).await;
    ten_thousand_end_in_one_call(bench).await;
    thousands_of_an_older_epoch_end(bench).await;
    after_an_ending_returned_nobody_resumes(bench).await;
}

/// A session of `person_id` that began at `at`, for suites that need one.
pub fn session_of(person_id: &str, at: Timestamp) -> Session {
    Session {
        id: SessionId::generate(&OsEntropy),
        person_id: person_id.to_owned(),
        org_id: "org_1".to_owned(),
        email: "bo@example.com".to_owned(),
        roles: vec!["admin".to_owned(), "member".to_owned()],
        assurance: Assurance::Password,
        credential_epoch: 0,
        created_at: at,
        authenticated_at: at,
        last_activity: at,
        expires_at: at + TTL,
        idle_timeout: IDLE,
        client: ClientDescription {
            device_type: "desktop".to_owned(),
            browser: "Firefox 128".to_owned(),
            os: "Größe \"1\" \\ Linux".to_owned(),
            ip_address: "2001:db8::1".to_owned(),
        },
    }
}

/// Every field comes back, moments to the microsecond.
pub async fn what_was_created_is_resumed_as_it_was(bench: &dyn SessionBench) {
    let (store, person, now) = setting(bench).await;
    let mut given = session_of(&person, now);
    given.assurance = Assurance::TwoFactor;
    given.credential_epoch = 7;
    given.authenticated_at = now - MICROSECOND;
    given.expires_at = now + TTL + MICROSECOND;
    given.idle_timeout = IDLE + MICROSECOND;
    create(&*store, &given).await;
    let later = now + SECOND + MICROSECOND;
    let resumed = resume(&*store, &given, later).await.expect("it is live");
    assert_eq!(resumed, Session { last_activity: later, ..given });
}

/// A session belongs to one person and one id.
pub async fn nobody_else_and_no_other_id_resumes(bench: &dyn SessionBench) {
    let (store, person, now) = setting(bench).await;
    let mine = session_of(&person, now);
    create(&*store, &mine).await;
    let other_person = Session { person_id: bench.person().await, ..mine.clone() };
    let other_id = Session { id: SessionId::generate(&OsEntropy), ..mine.clone() };
    for wrong in [other_person, other_id] {
        assert_eq!(resume(&*store, &wrong, now).await, None);
        assert!(!store.end(&wrong.person_id, &wrong.id).await.expect("no fault"));
        assert!(!store.mark_authenticated(&wrong.person_id, &wrong.id, now).await.expect("no fault"));
    }
    assert!(resume(&*store, &mine, now).await.is_some());
}

/// The end itself is outside; and what has expired does not come back when a clock goes back.
pub async fn it_ends_absolutely_to_the_microsecond(bench: &dyn SessionBench) {
    let (store, person, now) = setting(bench).await;
    let session = Session { idle_timeout: Duration::ZERO, ..session_of(&person, now) };
    create(&*store, &session).await;
    assert!(resume(&*store, &session, session.expires_at - MICROSECOND).await.is_some());
    assert_eq!(resume(&*store, &session, session.expires_at).await, None);
    assert!(list(&*store, &person, session.expires_at).await.is_empty());
}

/// Each use gives the idle time anew, but never beyond the absolute end.
pub async fn it_ends_by_resting_to_the_microsecond(bench: &dyn SessionBench) {
    let (store, person, now) = setting(bench).await;
    let session = Session { expires_at: now + IDLE * 2, ..session_of(&person, now) };
    create(&*store, &session).await;
    let first_use = now + IDLE - MICROSECOND;
    assert!(resume(&*store, &session, first_use).await.is_some());
    assert!(resume(&*store, &session, first_use + IDLE - MICROSECOND).await.is_some());
    assert_eq!(resume(&*store, &session, now + IDLE * 2).await, None, "the absolute end");

    let resting = session_of(&person, now);
    create(&*store, &resting).await;
    assert_eq!(resume(&*store, &resting, now + IDLE).await, None);
}

/// Requests overtake each other; the later one counts.
pub async fn activity_never_goes_back(bench: &dyn SessionBench) {
    let (store, person, now) = setting(bench).await;
    let session = session_of(&person, now);
    create(&*store, &session).await;
    resume(&*store, &session, now + SECOND).await;
    let resumed = resume(&*store, &session, now).await.expect("it is live");
    assert_eq!(resumed.last_activity, now + SECOND);
}

/// Ending says whether there was something to end.
pub async fn an_ended_session_stays_ended(bench: &dyn SessionBench) {
    let (store, person, now) = setting(bench).await;
    let [session, other] = [session_of(&person, now), session_of(&person, now)];
    create(&*store, &session).await;
    create(&*store, &other).await;
    assert!(store.end(&person, &session.id).await.expect("no fault"));
    assert!(!store.end(&person, &session.id).await.expect("no fault"));
    assert_eq!(resume(&*store, &session, now).await, None);
    assert!(!store.mark_authenticated(&person, &session.id, now).await.expect("no fault"));
    assert!(resume(&*store, &other, now).await.is_some());
}

/// Rotation: the new session lives, the old id is worthless.
pub async fn a_new_id_replaces_the_old_one(bench: &dyn SessionBench) {
    let (store, person, now) = setting(bench).await;
    let old = session_of(&person, now);
    create(&*store, &old).await;
    let new = Session { id: SessionId::generate(&OsEntropy), ..old.clone() };
    create(&*store, &new).await;
    assert!(store.end(&person, &old.id).await.expect("no fault"));
    assert_eq!(resume(&*store, &old, now).await, None);
    assert!(resume(&*store, &new, now).await.is_some());
}

/// By age, equally old ones by id; never the new one.
pub async fn the_oldest_go_when_there_are_too_many(bench: &dyn SessionBench) {
    let (store, person, now) = setting(bench).await;
    let mut same_age: Vec<Session> = (0..3).map(|_| session_of(&person, now)).collect();
    same_age.sort_by(|a, b| a.id.cmp(&b.id));
    let oldest = session_of(&person, now - SECOND);
    for session in [&same_age[2], &same_age[0], &oldest, &same_age[1]] {
        assert_eq!(store.create(session, 4).await, Ok(vec![]));
    }
    let newest = session_of(&person, now + SECOND);
    let displaced = store.create(&newest, 2).await.expect("no fault");
    assert_eq!(displaced, [&oldest, &same_age[0], &same_age[1]].map(|session| session.id.clone()));
    assert_eq!(resume(&*store, &oldest, now).await, None);
    let ids: Vec<_> = list(&*store, &person, now).await.into_iter().map(|session| session.id).collect();
    assert_eq!(ids, [newest.id, same_age[2].id.clone()]);
    let late = session_of(&person, now - SECOND);
    store.create(&late, 1).await.expect("no fault");
    assert!(resume(&*store, &late, now).await.is_some(), "the new one stays, however old it says it is");
}

/// Who comes back after a long time displaces nothing.
pub async fn expired_ones_do_not_count(bench: &dyn SessionBench) {
    let (store, person, now) = setting(bench).await;
    create(&*store, &session_of(&person, now)).await;
    create(&*store, &Session { idle_timeout: Duration::ZERO, ..session_of(&person, now) }).await;
    let after_idle = session_of(&person, now + IDLE);
    assert_eq!(store.create(&after_idle, 2).await, Ok(vec![]));
    assert_eq!(list(&*store, &person, now + IDLE).await.len(), 2);
}

/// Sixteen at once, room for five.
pub async fn parallel_creations_never_exceed_the_bound(bench: &dyn SessionBench) {
    let (store, person, now) = setting(bench).await;
    let mut tasks = JoinSet::new();
    for number in 0..16 {
        let (store, session) = (Arc::clone(&store), session_of(&person, now + SECOND * number));
        tasks.spawn(async move { (session.id.clone(), store.create(&session, 5).await.expect("no fault")) });
    }
    let (mut created, mut displaced) = (Vec::new(), Vec::new());
    for (id, gone) in tasks.join_all().await {
        created.push(id);
        displaced.extend(gone);
    }
    let left: Vec<_> = list(&*store, &person, now + SECOND * 16).await.into_iter().map(|s| s.id).collect();
    assert_eq!(left.len(), 5);
    displaced.extend(left);
    displaced.sort();
    created.sort();
    assert_eq!(displaced, created, "each is either there or was reported once");
}

/// Everything of this person, nothing of others.
pub async fn ending_all_can_keep_one(bench: &dyn SessionBench) {
    let (store, person, now) = setting(bench).await;
    let sessions: Vec<Session> = (0..4).map(|_| session_of(&person, now)).collect();
    let bystander = session_of(&bench.person().await, now);
    bench.seed(&sessions).await;
    create(&*store, &bystander).await;
    let mut ended = store.end_all_of(&person, Some(&sessions[1].id)).await.expect("no fault");
    let mut expected: Vec<_> = [0, 2, 3].map(|index: usize| sessions[index].id.clone()).to_vec();
    ended.sort();
    expected.sort();
    assert_eq!(ended, expected);
    assert_eq!(list(&*store, &person, now).await.len(), 1);
    assert!(resume(&*store, &sessions[1], now).await.is_some());
    assert_eq!(store.end_all_of(&person, None).await, Ok(vec![sessions[1].id.clone()]));
    assert_eq!(store.end_all_of(&person, None).await, Ok(vec![]));
    assert!(list(&*store, &person, now).await.is_empty());
    assert!(resume(&*store, &bystander, now).await.is_some());
}

/// The current epoch, and newer ones, stay.
pub async fn older_epochs_end_and_others_stay(bench: &dyn SessionBench) {
    let (store, person, now) = setting(bench).await;
    let sessions: Vec<Session> =
        (9..12).map(|epoch| Session { credential_epoch: epoch, ..session_of(&person, now) }).collect();
    bench.seed(&sessions).await;
    assert_eq!(store.end_older_epochs(&person, 10).await, Ok(vec![sessions[0].id.clone()]));
    assert_eq!(store.end_older_epochs(&person, 10).await, Ok(vec![]));
    assert_eq!(resume(&*store, &sessions[0], now).await, None);
    assert_eq!(list(&*store, &person, now).await.len(), 2);
}

/// Newest first, equally new ones by id from the last; without those that are over.
pub async fn the_list_is_newest_first_and_live(bench: &dyn SessionBench) {
    let (store, person, now) = setting(bench).await;
    let mut sessions: Vec<Session> =
        [0, 3, 1, 2, 2].map(|age| session_of(&person, now - SECOND * age)).to_vec();
    sessions.push(Session { expires_at: now, ..session_of(&person, now - TTL) });
    bench.seed(&sessions).await;
    let listed = list(&*store, &person, now).await;
    sessions.pop();
    sessions.sort_by(|a, b| (b.created_at, &b.id).cmp(&(a.created_at, &a.id)));
    assert_eq!(listed, sessions, "looking at the list is no use of the sessions");
}

/// Only of the session in which it was given, and only while that is live.
pub async fn giving_the_password_again_is_remembered(bench: &dyn SessionBench) {
    let (store, person, now) = setting(bench).await;
    let [session, other] = [session_of(&person, now), session_of(&person, now)];
    create(&*store, &session).await;
    create(&*store, &other).await;
    let at = now + Duration::from_mins(5) + MICROSECOND;
    assert!(store.mark_authenticated(&person, &session.id, at).await.expect("no fault"));
    let authenticated = |session: Option<Session>| session.map(|session| session.authenticated_at);
    assert_eq!(authenticated(resume(&*store, &session, at).await), Some(at));
    assert_eq!(authenticated(resume(&*store, &other, at).await), Some(now));
    let over = at + IDLE;
    assert!(!store.mark_authenticated(&person, &session.id, over).await.expect("no fault"));
}

/// However many somebody has, ending them is one call.
pub async fn ten_thousand_end_in_one_call(bench: &dyn SessionBench) {
    let (store, person, now) = setting(bench).await;
    let sessions: Vec<Session> = (0..10_000).map(|_| session_of(&person, now)).collect();
    bench.seed(&sessions).await;
    assert_eq!(store.end_all_of(&person, None).await.expect("no fault").len(), sessions.len());
    assert!(list(&*store, &person, now).await.is_empty());
    for session in sessions.iter().step_by(1_000) {
        assert_eq!(resume(&*store, session, now).await, None);
    }
}

/// As many of an older epoch end as well, and those of the current one stay.
pub async fn thousands_of_an_older_epoch_end(bench: &dyn SessionBench) {
    let (store, person, now) = setting(bench).await;
    let epoch_of = |number: i64| i64::from(number % 4 == 0);
    let sessions: Vec<Session> = (0..4_000)
        .map(|number| Session { credential_epoch: epoch_of(number), ..session_of(&person, now) })
        .collect();
    bench.seed(&sessions).await;
    let mut ended = store.end_older_epochs(&person, 1).await.expect("no fault");
    ended.sort();
    let of_epoch = |epoch| sessions.iter().filter(move |session| session.credential_epoch == epoch);
    let mut expected: Vec<_> = of_epoch(0).map(|session| session.id.clone()).collect();
    expected.sort();
    assert_eq!(ended, expected, "each is told of once");
    assert_eq!(list(&*store, &person, now).await.len(), of_epoch(1).count());
}

/// Four resume all the time while their session is ended.
pub async fn after_an_ending_returned_nobody_resumes(bench: &dyn SessionBench) {
    for round in 0..20 {
        let (store, person, now) = setting(bench).await;
        let session = session_of(&person, now);
        bench.seed(std::slice::from_ref(&session)).await;
        let ended = Arc::new(AtomicBool::new(false));
        let mut tasks = JoinSet::new();
        for _ in 0..4 {
            let (store, session, ended) = (Arc::clone(&store), session.clone(), Arc::clone(&ended));
            tasks.spawn(async move {
                loop {
                    let was_over = ended.load(Ordering::SeqCst);
                    let resumed = resume(&*store, &session, now).await;
                    assert!(!(was_over && resumed.is_some()), "it came back in round {round}");
                    if was_over {
                        break;
                    }
                    tokio::task::yield_now().await;
                }
            });
        }
        let gone = if round % 2 == 0 {
            store.end(&person, &session.id).await.expect("no fault")
        } else {
            !store.end_all_of(&person, None).await.expect("no fault").is_empty()
        };
        ended.store(true, Ordering::SeqCst);
        assert!(gone);
        tasks.join_all().await;
    }
}

async fn setting(bench: &dyn SessionBench) -> (Arc<dyn SessionStore>, String, Timestamp) {
    (bench.store(), bench.person().await, SystemClock.now())
}

async fn create(store: &dyn SessionStore, session: &Session) {
    assert_eq!(store.create(session, NO_BOUND).await, Ok(vec![]));
}

async fn resume(store: &dyn SessionStore, session: &Session, now: Timestamp) -> Option<Session> {
    store.resume(&session.person_id, &session.id, now).await.expect("no fault")
}

async fn list(store: &dyn SessionStore, person_id: &str, now: Timestamp) -> Vec<Session> {
    store.list_of(person_id, now).await.expect("no fault")
}
