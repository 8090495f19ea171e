//! Sign-ins, good and bad, and passwords that are replaced.

use super::{
    CROWD, Error, FailedSignIn, MICROSECOND, OsEntropy, Purpose, Refusal, SessionId, Stores,
    SuccessfulSignIn, at_once, failure, grant, id, in_an_hour, lock, mail, now, one_wins, success, trail,
    trail_of_two,
};

/// An older epoch, a locked person and a closed organization store nothing.
pub(super) async fn a_good_sign_in_is_recorded_at_its_epoch_only(stores: &Stores) {
    let (organization, person) = stores.founded().await;
    let other = stores.joined(&organization.id, &["admin"]).await;
    let displaced = SessionId::generate(&OsEntropy);
    let change = SuccessfulSignIn {
        upgraded_hash: Some("$better".into()),
        displaced: vec![(displaced.clone(), in_an_hour())],
        not_me_grant: None,
        ..success(&person, 0)
    };
    let since = change.at;
    stores.leaves(2, stores.accounts.record_sign_in(change, trail_of_two(), Vec::new())).await;
    let known = stores.accounts.credentials_of(&person.id).await.expect("readable").expect("known");
    assert_eq!(known.password_hash.as_deref(), Some("$better"));
    let changes = stores.accounts.changes_since(since).await.expect("readable");
    assert!(changes.ended.contains(&(person.id.clone(), displaced)));

    stores.accounts.raise_epoch(&person.id, now(), trail()).await.expect("raised");
    let stale = SuccessfulSignIn { upgraded_hash: Some("$stale".into()), ..success(&person, 0) };
    let verb = stores.accounts.record_sign_in(stale, trail(), Vec::new());
    stores.refuses(&organization.id, Refusal::Conflict, verb).await;
    stores.leaves(1, stores.accounts.record_sign_in(success(&person, 1), trail(), Vec::new())).await;

    stores.people.set_locked(&other, true, now(), trail(), Vec::new()).await.expect("locked");
    let verb = stores.accounts.record_sign_in(success(&other, 1), trail(), Vec::new());
    stores.refuses(&organization.id, Refusal::Conflict, verb).await;
}

/// Consecutive failures, locks until their end to the microsecond, the link and the mail, in one step.
pub(super) async fn failures_count_lock_and_mail(stores: &Stores) {
    let (_, person) = stores.founded().await;
    let key = id("account");
    let until = in_an_hour();
    let locks = vec![lock(Some(&person), "account", until), lock(None, "ip", until)];
    let keys: Vec<String> = locks.iter().map(|lock| lock.key.clone()).collect();
    let grant = grant(&person, Purpose::Unlock);
    let mail = mail(Some(&person.id));
    let change = FailedSignIn {
        locks: locks.clone(),
        unlock_grant: Some(grant.clone()),
        raise_epoch: true,
        ..failure(&person, Some(&key))
    };
    let verb = stores.accounts.record_failed_sign_in(change, trail_of_two(), vec![mail.clone()]);
    stores.leaves(2, verb).await;
    stores
        .accounts
        .record_failed_sign_in(failure(&person, Some(&key)), trail(), vec![])
        .await
        .expect("stored");
    stores.accounts.record_failed_sign_in(failure(&person, None), trail(), vec![]).await.expect("stored");
    assert_eq!(stores.accounts.consecutive_failures(&key).await, Ok(2));
    assert_eq!(stores.accounts.consecutive_failures("nobody").await, Ok(0));
    assert_eq!(stores.epochs(&person.id).await, (1, 0));
    let mut held = stores.accounts.active_locks(&keys, until - MICROSECOND).await.expect("readable");
    held.sort_by(|a, b| a.key.cmp(&b.key));
    let mut wanted = locks;
    wanted.sort_by(|a, b| a.key.cmp(&b.key));
    assert_eq!(held, wanted);
    assert_eq!(stores.accounts.active_locks(&keys, until).await, Ok(vec![]), "over to the microsecond");
    assert_eq!(stores.accounts.active_locks(&[], now()).await, Ok(vec![]));
    let peeked = stores.accounts.peek_token(&grant.hash, Purpose::Unlock, now()).await;
    assert_eq!(peeked, Ok(Some(person.id.clone())));
    assert!(stores.outbox.list(1000).await.expect("readable").iter().any(|row| row.id == mail.id));

    let nobody = FailedSignIn { person_id: None, ..failure(&person, Some(&key)) };
    stores.leaves(1, stores.accounts.record_failed_sign_in(nobody, trail(), vec![])).await;
    assert_eq!(stores.accounts.consecutive_failures(&key).await, Ok(3));
}

/// With an account key: failures and the strangers' lock. Without: nothing.
pub(super) async fn a_success_forgives_its_own_source_only(stores: &Stores) {
    let (_, person) = stores.founded().await;
    let key = id("account");
    let locks =
        vec![lock(Some(&person), "account", in_an_hour()), lock(Some(&person), "device", in_an_hour())];
    let device_key = locks[1].key.clone();
    let change = FailedSignIn { locks, ..failure(&person, Some(&key)) };
    stores.accounts.record_failed_sign_in(change, trail(), vec![]).await.expect("stored");
    stores.accounts.record_sign_in(success(&person, 0), trail(), vec![]).await.expect("stored");
    assert_eq!(stores.accounts.consecutive_failures(&key).await, Ok(1));
    assert_eq!(stores.accounts.lock_keys_of(&person.id).await.expect("readable").len(), 2);

    let forgiving = SuccessfulSignIn { forgives_account_key: Some(key.clone()), ..success(&person, 0) };
    stores.accounts.record_sign_in(forgiving, trail(), vec![]).await.expect("stored");
    assert_eq!(stores.accounts.consecutive_failures(&key).await, Ok(0));
    assert_eq!(stores.accounts.lock_keys_of(&person.id).await, Ok(vec![device_key]));
}

/// Both epochs rise, locks and unused links go, the notice and the mail come.
pub(super) async fn replacing_a_password_voids_what_came_before(stores: &Stores) {
    let (organization, person) = stores.founded().await;
    let key = id("account");
    let locks = vec![lock(Some(&person), "account", in_an_hour())];
    let lock_key = locks[0].key.clone();
    let old_link = grant(&person, Purpose::Unlock);
    let change = FailedSignIn { locks, unlock_grant: Some(old_link.clone()), ..failure(&person, Some(&key)) };
    stores.accounts.record_failed_sign_in(change, trail(), vec![]).await.expect("stored");

    let (notice, at) = (grant(&person, Purpose::NotMe), now());
    let replace = |epoch| {
        stores.accounts.replace_password(
            &person.id,
            epoch,
            "$new",
            Some(&key),
            Some(notice.clone()),
            at,
            trail(),
            vec![mail(Some(&person.id))],
        )
    };
    stores.refuses(&organization.id, Refusal::Conflict, replace(1)).await;
    let epochs = stores.leaves(1, replace(0)).await;
    assert_eq!(epochs, (1, 1));
    assert_eq!(stores.epochs(&person.id).await, (1, 1));
    let known = stores.accounts.credentials_of(&person.id).await.expect("readable").expect("known");
    assert_eq!(known.password_hash.as_deref(), Some("$new"));
    assert_eq!(stores.accounts.consecutive_failures(&key).await, Ok(0));
    assert_eq!(stores.accounts.lock_keys_of(&person.id).await, Ok(vec![]));
    assert_eq!(stores.accounts.peek_token(&old_link.hash, Purpose::Unlock, now()).await, Ok(None));
    let peeked = stores.accounts.peek_token(&notice.hash, Purpose::NotMe, now()).await;
    assert_eq!(peeked, Ok(Some(person.id.clone())));
    let changes = stores.accounts.changes_since(at).await.expect("readable");
    assert!(changes.epochs.contains(&(person.id.clone(), 1)));
    assert!(changes.lifted.contains(&(lock_key, at)));
}

/// Sixteen at once from the same epoch.
pub(super) async fn one_of_many_replacements_wins(stores: &Stores) {
    let (_, person) = stores.founded().await;
    let outcomes = at_once((0..CROWD).map(|_| {
        let (store, id) = (stores.accounts.clone(), person.id.clone());
        async move { store.replace_password(&id, 0, "$new", None, None, now(), trail(), vec![]).await }
    }))
    .await;
    one_wins(outcomes, &Refusal::Conflict);
    assert_eq!(stores.epochs(&person.id).await, (1, 1));
}

/// A sign-in that upgrades the hash races a change of the password: whatever the order, the new one stays.
pub(super) async fn an_old_hash_never_overwrites_a_new_password(stores: &Stores) {
    for _ in 0..CROWD {
        let (_, person) = stores.founded().await;
        let upgrade = SuccessfulSignIn { upgraded_hash: Some("$old".into()), ..success(&person, 0) };
        let (a, b, id) = (stores.accounts.clone(), stores.accounts.clone(), person.id.clone());
        let sign_in = tokio::spawn(async move { a.record_sign_in(upgrade, trail(), vec![]).await });
        let replace = tokio::spawn(async move {
            b.replace_password(&id, 0, "$new", None, None, now(), trail(), vec![]).await
        });
        replace.await.expect("no panic").expect("replaced");
        let signed_in = sign_in.await.expect("no panic");
        assert!(matches!(signed_in, Ok(()) | Err(Error::Refused(Refusal::Conflict))), "{signed_in:?}");
        let known = stores.accounts.credentials_of(&person.id).await.expect("readable").expect("known");
        assert_eq!(known.password_hash.as_deref(), Some("$new"));
    }
}
