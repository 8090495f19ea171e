//! The contract of [`accounts::ports::AccountStore`], races included.

mod locks;
mod sign_ins;

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
    sign_ins::a_good_sign_in_is_recorded_at_its_epoch_only(stores).await;
    sign_ins::failures_count_lock_and_mail(stores).await;
    sign_ins::a_success_forgives_its_own_source_only(stores).await;
    sign_ins::replacing_a_password_voids_what_came_before(stores).await;
    sign_ins::one_of_many_replacements_wins(stores).await;
    sign_ins::an_old_hash_never_overwrites_a_new_password(stores).await;
    locks::a_new_person_starts_without_what_strangers_did(stores).await;
    locks::lifting_removes_locks_and_tells_others(stores).await;
    locks::lifting_what_is_not_locked_leaves_no_row(stores).await;
    locks::an_unlock_link_keeps_the_count(stores).await;
    locks::an_unlock_link_leaves_locks_for_codes(stores).await;
    locks::cleared_budgets_are_told(stores).await;
    locks::failures_are_forgotten_where_nobody_needs_them(stores).await;
    locks::an_unlock_link_works_once(stores).await;
    locks::one_of_many_unlocks_wins(stores).await;
    locks::not_me_locks_and_ends_everything(stores).await;
    locks::ended_sessions_and_raised_epochs_are_told(stores).await;
    locks::locks_are_listed_per_organization(stores).await;
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
