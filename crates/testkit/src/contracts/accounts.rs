//! The contract of [`accounts::ports::AccountStore`], races included.

use std::time::Duration;

use accounts::error::{Error, Refusal};
use accounts::model::{Lock, LockCursor, LockPage, Person, PersonStatus};
use accounts::ports::{FailedSignIn, NewPerson, SuccessfulSignIn};
use hardening::clock::Timestamp;
use hardening::entropy::OsEntropy;
use hardening::one_time_token::Purpose;
use hardening::session::SessionId;

use super::stores::{
    CROWD, Stores, at_once, grant, id, in_an_hour, mail, new_organization, new_person, now, one_wins, trail,
    trail_of_two,
};

const MICROSECOND: Duration = Duration::from_micros(1);

/// Runs every check.
pub async fn all(stores: &Stores) {
    founding_stores_organization_and_admin(stores).await;
    one_of_many_founders_gets_the_address(stores).await;
    only_open_organizations_are_joined(stores).await;
    operators_add_people_to_active_organizations(stores).await;
    a_good_sign_in_is_recorded_at_its_epoch_only(stores).await;
    failures_count_lock_and_mail(stores).await;
    a_success_forgives_its_own_source_only(stores).await;
    replacing_a_password_voids_what_came_before(stores).await;
    one_of_many_replacements_wins(stores).await;
    an_old_hash_never_overwrites_a_new_password(stores).await;
    a_new_person_starts_without_what_strangers_did(stores).await;
    lifting_removes_locks_and_tells_others(stores).await;
    lifting_what_is_not_locked_leaves_no_row(stores).await;
    an_unlock_link_keeps_the_count(stores).await;
    an_unlock_link_leaves_locks_for_codes(stores).await;
    cleared_budgets_are_told(stores).await;
    failures_are_forgotten_where_nobody_needs_them(stores).await;
    an_unlock_link_works_once(stores).await;
    one_of_many_unlocks_wins(stores).await;
    not_me_locks_and_ends_everything(stores).await;
    ended_sessions_and_raised_epochs_are_told(stores).await;
    locks_are_listed_per_organization(stores).await;
    what_has_expired_is_purged(stores).await;
}

/// The founder can be found by address and id, and starts at epoch zero.
pub async fn founding_stores_organization_and_admin(stores: &Stores) {
    let organization = new_organization();
    let founder = new_person(&organization.id, &["admin"]);
    stores.leaves(2, stores.accounts.found_organization(&organization, &founder, trail_of_two())).await;
    let by_email = stores.accounts.credentials_by_email(&founder.email_canonical).await.expect("readable");
    let known = by_email.expect("the founder is found");
    assert_eq!((&known.person.id, &known.person.roles), (&founder.id, &founder.roles));
    assert_eq!(known.person.email.as_deref(), Some(&*founder.email));
    assert_eq!((known.credential_epoch, known.device_epoch), (0, 0));
    assert_eq!(known.password_hash.as_deref(), Some("$hash"));
    assert!(known.organization_active && known.person.status == PersonStatus::Active);
    assert!(!known.person.two_factor_enabled && !known.organization_settings.open_signup);
    assert_eq!(known.person.created_at, founder.created_at);
    assert!(stores.accounts.credentials_by_email(&founder.email).await.expect("readable").is_none());
    assert!(stores.people.anyone_exists().await.expect("readable"));

    let second = new_organization();
    let mut twin = new_person(&second.id, &["admin"]);
    twin.email_canonical = founder.email_canonical;
    let verb = stores.accounts.found_organization(&second, &twin, trail());
    stores.refuses(&second.id, Refusal::EmailTaken, verb).await;
}

/// Sixteen at once with one address: one organization, one audit row.
pub async fn one_of_many_founders_gets_the_address(stores: &Stores) {
    let address = format!("{}@example.com", id("race"));
    let before = stores.audit_rows().await;
    let outcomes = at_once((0..CROWD).map(|_| {
        let (store, address) = (stores.accounts.clone(), address.clone());
        async move {
            let organization = new_organization();
            let mut founder = new_person(&organization.id, &["admin"]);
            founder.email_canonical = address;
            store.found_organization(&organization, &founder, trail()).await.map(|()| organization.id)
        }
    }))
    .await;
    one_wins(outcomes, &Refusal::EmailTaken);
    assert_eq!(stores.audit_rows().await, before + 1);
}

/// Closed by default; open when the setting says so; a taken address is refused.
pub async fn only_open_organizations_are_joined(stores: &Stores) {
    let (organization, founder) = stores.founded().await;
    let org_id = &organization.id;
    let person = new_person(org_id, &["volunteer"]);
    let verb = stores.accounts.join_open_organization(&person, trail());
    stores.refuses(org_id, Refusal::SignupClosed, verb).await;
    let nowhere = new_person("org_nowhere", &["volunteer"]);
    let verb = stores.accounts.join_open_organization(&nowhere, trail());
    stores.refuses(org_id, Refusal::SignupClosed, verb).await;

    let mut open = organization.clone();
    open.settings.open_signup = true;
    stores.organizations.update(&organization, &open, now(), trail()).await.expect("opened");
    stores.leaves(1, stores.accounts.join_open_organization(&person, trail())).await;
    let mut twin = new_person(org_id, &["volunteer"]);
    twin.email_canonical = founder.email.expect("an address").to_lowercase();
    let verb = stores.accounts.join_open_organization(&twin, trail());
    stores.refuses(org_id, Refusal::EmailTaken, verb).await;
}

/// And to no others.
pub async fn operators_add_people_to_active_organizations(stores: &Stores) {
    let (organization, _) = stores.founded().await;
    stores.leaves(1, stores.accounts.create_person(&new_person(&organization.id, &["admin"]), trail())).await;
    let lost = new_person("org_nowhere", &["admin"]);
    let verb = stores.accounts.create_person(&lost, trail());
    stores.refuses(&organization.id, Refusal::NotFound("organization"), verb).await;
}

fn success(person: &Person, epoch: i64) -> SuccessfulSignIn {
    SuccessfulSignIn {
        person_id: person.id.clone(),
        credential_epoch: epoch,
        upgraded_hash: None,
        forgives_account_key: None,
        displaced: Vec::new(),
        not_me_grant: None,
        at: now(),
    }
}

fn failure(person: &Person, key: Option<&str>) -> FailedSignIn {
    FailedSignIn {
        person_id: Some(person.id.clone()),
        account_key: key.map(str::to_owned),
        locks: Vec::new(),
        unlock_grant: None,
        raise_epoch: false,
        at: now(),
    }
}

fn lock(person: Option<&Person>, kind: &str, until: Timestamp) -> Lock {
    Lock {
        key: id("key"),
        kind: kind.to_owned(),
        org_id: person.map(|person| person.org_id.clone()),
        person_id: person.map(|person| person.id.clone()),
        subject: "ann@example.com".to_owned(),
        failures: 5,
        locked_at: now(),
        locked_until: until,
    }
}

/// An older epoch, a locked person and a closed organization store nothing.
pub async fn a_good_sign_in_is_recorded_at_its_epoch_only(stores: &Stores) {
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
pub async fn failures_count_lock_and_mail(stores: &Stores) {
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
pub async fn a_success_forgives_its_own_source_only(stores: &Stores) {
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
pub async fn replacing_a_password_voids_what_came_before(stores: &Stores) {
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
pub async fn one_of_many_replacements_wins(stores: &Stores) {
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
pub async fn an_old_hash_never_overwrites_a_new_password(stores: &Stores) {
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

/// Every kind of lock; consecutive failures stay counted.
pub async fn lifting_removes_locks_and_tells_others(stores: &Stores) {
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
pub async fn a_new_person_starts_without_what_strangers_did(stores: &Stores) {
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
pub async fn lifting_what_is_not_locked_leaves_no_row(stores: &Stores) {
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
pub async fn an_unlock_link_keeps_the_count(stores: &Stores) {
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
pub async fn an_unlock_link_leaves_locks_for_codes(stores: &Stores) {
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
pub async fn cleared_budgets_are_told(stores: &Stores) {
    let (keys, at) = ([id("b"), id("a")], now());
    for _ in 0..2 {
        stores.accounts.tell_lifted(&keys, at).await.expect("stored");
    }
    let lifted = stores.accounts.changes_since(at).await.expect("readable").lifted;
    assert!(keys.iter().all(|key| lifted.contains(&(key.clone(), at))));
}

/// At addresses without an account, below the limit, after 90 quiet days.
pub async fn failures_are_forgotten_where_nobody_needs_them(stores: &Stores) {
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
pub async fn an_unlock_link_works_once(stores: &Stores) {
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
pub async fn one_of_many_unlocks_wins(stores: &Stores) {
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
pub async fn not_me_locks_and_ends_everything(stores: &Stores) {
    let (organization, person) = stores.founded().await;
    let hash = stores.granted(&person, Purpose::NotMe).await;
    stores.leaves(1, stores.accounts.redeem_not_me(&hash, now(), trail())).await;
    assert_eq!(stores.person(&person.org_id, &person.id).await.status, PersonStatus::Locked);
    assert_eq!(stores.epochs(&person.id).await, (1, 1));
    let verb = stores.accounts.redeem_not_me(&hash, now(), trail());
    stores.refuses(&organization.id, Refusal::TokenInvalid, verb).await;
}

/// To every node that asks, from the moment on.
pub async fn ended_sessions_and_raised_epochs_are_told(stores: &Stores) {
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
pub async fn locks_are_listed_per_organization(stores: &Stores) {
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

/// And what has not, stays.
pub async fn what_has_expired_is_purged(stores: &Stores) {
    let (_, person) = stores.founded().await;
    let locks = vec![lock(Some(&person), "account", in_an_hour())];
    let keys = vec![locks[0].key.clone()];
    let change = FailedSignIn { locks, ..failure(&person, None) };
    stores.accounts.record_failed_sign_in(change, trail(), vec![]).await.expect("stored");
    let session = SessionId::generate(&OsEntropy);
    let ended = [(session, in_an_hour())];
    stores.accounts.record_ended_sessions(&person.id, &ended, now(), trail()).await.expect("stored");
    let link = stores.granted(&person, Purpose::Unlock).await;
    stores.accounts.purge_expired(now(), 100).await.expect("purged");
    assert_eq!(stores.accounts.active_locks(&keys, now()).await.expect("readable").len(), 1);
    assert_eq!(stores.accounts.peek_token(&link, Purpose::Unlock, now()).await, Ok(Some(person.id.clone())));
    let purged = stores.accounts.purge_expired(now() + Duration::from_hours(48), 100).await.expect("purged");
    assert!(purged >= 3, "{purged}");
    assert_eq!(stores.accounts.lock_keys_of(&person.id).await, Ok(vec![]));
    assert!(stores.accounts.changes_since(Timestamp::EPOCH).await.expect("readable").ended.is_empty());
}
