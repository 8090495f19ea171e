//! Locks and the links that lift them, and what other nodes and processes are told.

use super::{
    CROWD, Duration, FailedSignIn, Lock, LockCursor, LockPage, MICROSECOND, NewPerson, OsEntropy,
    PersonStatus, Purpose, Refusal, SessionId, Stores, at_once, failure, grant, id, in_an_hour, lock,
    new_person, now, one_wins, trail,
};

/// Every kind of lock; consecutive failures stay counted.
pub(super) async fn lifting_removes_locks_and_tells_others(stores: &Stores) {
    let (organization, person) = stores.founded().await;
    let key = id("account");
    let locks =
        vec![lock(Some(&person), "account", in_an_hour()), lock(Some(&person), "person", in_an_hour())];
    let mut keys: Vec<String> = locks.iter().map(|lock| lock.key.clone()).collect();
    keys.sort();
    let change = FailedSignIn { locks, ..failure(&person, Some(&key)) };
    stores.accounts.record_failed_sign_in(change, trail(), vec![]).await.expect("stored");
    assert_eq!(stores.accounts.lock_keys_of(&person.id).await, Ok(keys.clone()));
    let at = now();
    assert!(stores.leaves(1, stores.accounts.lift_locks(&person.id, at, trail())).await);
    assert_eq!(stores.accounts.lock_keys_of(&person.id).await, Ok(vec![]));
    assert_eq!(stores.accounts.consecutive_failures(&key).await, Ok(1), "only a new password forgets them");
    let lifted = stores.accounts.changes_since(at).await.expect("readable").lifted;
    assert!(keys.iter().all(|key| lifted.contains(&(key.clone(), at))));
    let verb = stores.accounts.lift_locks("person_nobody", at, trail());
    stores.refuses(&organization.id, Refusal::NotFound("person"), verb).await;
}

/// Whoever comes to have an address starts with nothing of what strangers did there.
pub(super) async fn a_new_person_starts_without_what_strangers_did(stores: &Stores) {
    let (organization, _) = stores.founded().await;
    let (account_key, locked) = (id("account"), lock(None, "account", in_an_hour()));
    let nobodys = FailedSignIn {
        person_id: None,
        account_key: Some(account_key.clone()),
        locks: vec![locked.clone()],
        unlock_grant: None,
        raise_epoch: false,
        at: now(),
    };
    stores.accounts.record_failed_sign_in(nobodys, trail(), vec![]).await.expect("stored");
    let keys = vec![locked.key.clone()];
    assert_eq!(stores.accounts.active_locks(&keys, now()).await.expect("readable").len(), 1);
    let person = NewPerson {
        account_key: account_key.clone(),
        lock_keys: keys.clone(),
        ..new_person(&organization.id, &["volunteer"])
    };
    stores.accounts.create_person(&person, trail()).await.expect("stored");
    assert_eq!(stores.accounts.consecutive_failures(&account_key).await, Ok(0));
    assert_eq!(stores.accounts.active_locks(&keys, now()).await, Ok(vec![]));
    let lifted = stores.accounts.changes_since(person.created_at).await.expect("readable").lifted;
    assert!(lifted.contains(&(locked.key, person.created_at)));
}

/// No row without its change: not without a lock, and not with one that is over.
pub(super) async fn lifting_what_is_not_locked_leaves_no_row(stores: &Stores) {
    let (_, person) = stores.founded().await;
    let lift = |at| stores.accounts.lift_locks(&person.id, at, trail());
    assert!(!stores.leaves(0, lift(now())).await);
    let until = in_an_hour();
    let locks = vec![lock(Some(&person), "account", until)];
    let change = FailedSignIn { locks, ..failure(&person, None) };
    stores.accounts.record_failed_sign_in(change, trail(), vec![]).await.expect("stored");
    assert!(!stores.leaves(0, lift(until)).await, "over to the microsecond");
    assert!(stores.leaves(1, lift(until - MICROSECOND)).await);
    assert!(!stores.leaves(0, lift(until - MICROSECOND)).await);
}

/// It lifts locks, and does not make guessing start over.
pub(super) async fn an_unlock_link_keeps_the_count(stores: &Stores) {
    let (_, person) = stores.founded().await;
    let key = id("account");
    let locks = vec![lock(Some(&person), "account", in_an_hour())];
    let change = FailedSignIn { locks, ..failure(&person, Some(&key)) };
    stores.accounts.record_failed_sign_in(change, trail(), vec![]).await.expect("stored");
    let hash = stores.granted(&person, Purpose::Unlock).await;
    stores.leaves(1, stores.accounts.redeem_unlock(&hash, now(), trail())).await;
    assert_eq!(stores.accounts.lock_keys_of(&person.id).await, Ok(vec![]));
    assert_eq!(stores.accounts.consecutive_failures(&key).await, Ok(1));
}

/// A mailbox buys no guesses at the second factor.
pub(super) async fn an_unlock_link_leaves_locks_for_codes(stores: &Stores) {
    let (_, person) = stores.founded().await;
    let kinds = ["account", "person", "second_factor", "session_codes"];
    let locks: Vec<Lock> = kinds.iter().map(|kind| lock(Some(&person), kind, in_an_hour())).collect();
    let sorted = |locks: &[Lock]| {
        let mut keys: Vec<String> = locks.iter().map(|lock| lock.key.clone()).collect();
        keys.sort();
        keys
    };
    let (passwords, codes) = (sorted(&locks[..2]), sorted(&locks[2..]));
    let change = FailedSignIn { locks, ..failure(&person, None) };
    stores.accounts.record_failed_sign_in(change, trail(), vec![]).await.expect("stored");
    let hash = stores.granted(&person, Purpose::Unlock).await;
    assert_eq!(stores.leaves(1, stores.accounts.redeem_unlock(&hash, now(), trail())).await, passwords);
    assert_eq!(stores.accounts.lock_keys_of(&person.id).await, Ok(codes));
}

/// Budgets that had no lock are told of, too, and leave no row in the log.
pub(super) async fn cleared_budgets_are_told(stores: &Stores) {
    let (keys, at) = ([id("b"), id("a")], now());
    for _ in 0..2 {
        stores.accounts.tell_lifted(&keys, at).await.expect("stored");
    }
    let lifted = stores.accounts.changes_since(at).await.expect("readable").lifted;
    assert!(keys.iter().all(|key| lifted.contains(&(key.clone(), at))));
}

/// At addresses without an account, below the limit, after 90 quiet days.
pub(super) async fn failures_are_forgotten_where_nobody_needs_them(stores: &Stores) {
    let (_, person) = stores.founded().await;
    let (known, unknown, full) = (id("account"), id("account"), id("account"));
    let count = async |key: &str, person_id: Option<&String>| {
        let change = FailedSignIn { person_id: person_id.cloned(), ..failure(&person, Some(key)) };
        stores.accounts.record_failed_sign_in(change, trail(), vec![]).await.expect("stored");
    };
    count(&known, Some(&person.id)).await;
    count(&unknown, None).await;
    count(&full, None).await;
    count(&full, None).await;
    let counted = async |key: &str| stores.accounts.consecutive_failures(key).await.expect("readable");
    let after = |days: u64| now() + Duration::from_hours(24 * days);
    stores.accounts.purge_expired(after(89), 2).await.expect("purged");
    assert_eq!(counted(&unknown).await, 1);
    stores.accounts.purge_expired(after(91), 2).await.expect("purged");
    assert_eq!((counted(&known).await, counted(&unknown).await, counted(&full).await), (1, 0, 2));
}

/// Not twice, not for another purpose, not after its end.
pub(super) async fn an_unlock_link_works_once(stores: &Stores) {
    let (organization, person) = stores.founded().await;
    let hash = stores.granted(&person, Purpose::Unlock).await;
    let late = now() + Duration::from_hours(2);
    let verb = stores.accounts.redeem_unlock(&hash, late, trail());
    stores.refuses(&organization.id, Refusal::TokenInvalid, verb).await;
    let verb = stores.accounts.redeem_not_me(&hash, now(), trail());
    stores.refuses(&organization.id, Refusal::TokenInvalid, verb).await;
    assert_eq!(stores.accounts.peek_token(&hash, Purpose::NotMe, now()).await, Ok(None));
    stores.leaves(1, stores.accounts.redeem_unlock(&hash, now(), trail())).await;
    let verb = stores.accounts.redeem_unlock(&hash, now(), trail());
    stores.refuses(&organization.id, Refusal::TokenInvalid, verb).await;
    assert_eq!(stores.accounts.peek_token(&hash, Purpose::Unlock, now()).await, Ok(None));
    let unknown = grant(&person, Purpose::Unlock).hash;
    let verb = stores.accounts.redeem_unlock(&unknown, now(), trail());
    stores.refuses(&organization.id, Refusal::TokenInvalid, verb).await;
}

/// Sixteen at once with one link.
pub(super) async fn one_of_many_unlocks_wins(stores: &Stores) {
    let (_, person) = stores.founded().await;
    let hash = stores.granted(&person, Purpose::Unlock).await;
    let before = stores.audit_rows().await;
    let outcomes = at_once((0..CROWD).map(|_| {
        let store = stores.accounts.clone();
        async move { store.redeem_unlock(&hash, now(), trail()).await }
    }))
    .await;
    one_wins(outcomes, &Refusal::TokenInvalid);
    assert_eq!(stores.audit_rows().await, before + 1);
}

/// The account is locked and both epochs rise.
pub(super) async fn not_me_locks_and_ends_everything(stores: &Stores) {
    let (organization, person) = stores.founded().await;
    let hash = stores.granted(&person, Purpose::NotMe).await;
    stores.leaves(1, stores.accounts.redeem_not_me(&hash, now(), trail())).await;
    assert_eq!(stores.person(&person.org_id, &person.id).await.status, PersonStatus::Locked);
    assert_eq!(stores.epochs(&person.id).await, (1, 1));
    let verb = stores.accounts.redeem_not_me(&hash, now(), trail());
    stores.refuses(&organization.id, Refusal::TokenInvalid, verb).await;
}

/// To every node that asks, from the moment on.
pub(super) async fn ended_sessions_and_raised_epochs_are_told(stores: &Stores) {
    let (organization, person) = stores.founded().await;
    let session = SessionId::generate(&OsEntropy);
    let at = now();
    let ended = [(session.clone(), in_an_hour())];
    stores.leaves(1, stores.accounts.record_ended_sessions(&person.id, &ended, at, trail())).await;
    stores.leaves(1, stores.accounts.record_ended_sessions(&person.id, &ended, at, trail())).await;
    stores.leaves(1, stores.accounts.raise_epoch(&person.id, at, trail())).await;
    let changes = stores.accounts.changes_since(at).await.expect("readable");
    assert!(changes.ended.contains(&(person.id.clone(), session)));
    assert!(changes.epochs.contains(&(person.id.clone(), 1)));
    let later = stores.accounts.changes_since(at + Duration::from_hours(1)).await.expect("readable");
    assert!(later.epochs.is_empty() && later.ended.is_empty() && later.lifted.is_empty());
    let verb = stores.accounts.raise_epoch("person_nobody", at, trail());
    stores.refuses(&organization.id, Refusal::NotFound("person"), verb).await;
}

/// The latest first, those that hold, of that organization, page by page.
pub(super) async fn locks_are_listed_per_organization(stores: &Stores) {
    let (organization, person) = stores.founded().await;
    let (_, stranger) = stores.founded().await;
    let until = [in_an_hour(), in_an_hour() + MICROSECOND * 9, now() - MICROSECOND];
    let mut locks: Vec<Lock> = until.iter().map(|until| lock(Some(&person), "device", *until)).collect();
    locks.push(lock(Some(&stranger), "device", in_an_hour()));
    let change = FailedSignIn { locks: locks.clone(), ..failure(&person, None) };
    stores.accounts.record_failed_sign_in(change, trail(), vec![]).await.expect("stored");
    let listed = async |page: LockPage| {
        stores.accounts.locks_of_organization(&organization.id, now(), &page).await.expect("readable")
    };
    assert_eq!(listed(LockPage { limit: 10, after: None }).await, [locks[1].clone(), locks[0].clone()]);
    assert_eq!(listed(LockPage { limit: 1, after: None }).await, [locks[1].clone()]);
    let after = |lock: &Lock| Some(LockCursor { locked_until: lock.locked_until, key: lock.key.clone() });
    assert_eq!(listed(LockPage { limit: 1, after: after(&locks[1]) }).await, [locks[0].clone()]);
    assert_eq!(listed(LockPage { limit: 1, after: after(&locks[0]) }).await, []);
    // Of several that end at once none is left out or told twice.
    let twins: Vec<Lock> =
        (0..3).map(|_| lock(Some(&person), "device", in_an_hour() - MICROSECOND)).collect();
    let change = FailedSignIn { locks: twins, ..failure(&person, None) };
    stores.accounts.record_failed_sign_in(change, trail(), vec![]).await.expect("stored");
    let (mut seen, mut page) = (Vec::new(), LockPage { limit: 1, after: None });
    while let [lock] = &*listed(page.clone()).await {
        seen.push(lock.key.clone());
        page.after = after(lock);
    }
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), 5);
}
