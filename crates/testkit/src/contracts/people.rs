//! The contract of [`accounts::ports::PeopleStore`], races included.

use accounts::error::Refusal;
use accounts::model::{Page, Person, PersonStatus};
use accounts::ports::{FailedSignIn, PersonPatch};
use hardening::clock::Timestamp;
use hardening::one_time_token::Purpose;

use super::stores::{Stores, at_once, grant, id, mail, now, one_wins, trail};

/// Runs every check.
pub async fn all(stores: &Stores) {
    people_of_other_organizations_do_not_exist(stores).await;
    pages_go_by_id(stores).await;
    fields_are_replaced_at_the_seen_version_only(stores).await;
    roles_change_and_end_sessions(stores).await;
    the_last_admin_stays(stores).await;
    of_two_admins_who_demote_each_other_one_stays(stores).await;
    locking_and_unlocking(stores).await;
    a_deleted_person_is_nobody(stores).await;
    operators_find_people(stores).await;
}

fn words(roles: &[&str]) -> Vec<String> {
    roles.iter().map(|role| (*role).to_owned()).collect()
}

/// Not by id, not in lists.
pub async fn people_of_other_organizations_do_not_exist(stores: &Stores) {
    let (ours, _) = stores.founded().await;
    let (_, stranger) = stores.founded().await;
    assert_eq!(stores.people.get(&ours.id, &stranger.id).await, Ok(None));
    assert_eq!(stores.people.get(&ours.id, "person_\0").await, Ok(None), "no fault either");
    let listed = stores.people.list(&ours.id, &Page { limit: 10, after: None }).await.expect("readable");
    assert!(listed.iter().all(|person| person.org_id == ours.id));
    let moved = Person { org_id: ours.id.clone(), ..stranger };
    let roles = words(&["admin", "x"]);
    let verb = stores.people.set_roles(&moved, &roles, now(), trail());
    stores.refuses(&ours.id, Refusal::Conflict, verb).await;
}

/// Every one once, in order.
pub async fn pages_go_by_id(stores: &Stores) {
    let (organization, founder) = stores.founded().await;
    let mut wanted = vec![founder.id];
    for _ in 0..4 {
        wanted.push(stores.joined(&organization.id, &["volunteer"]).await.id);
    }
    wanted.sort();
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = stores.people.list(&organization.id, &Page { limit: 2, after }).await.expect("readable");
        let Some(last) = page.last() else { break };
        after = Some(last.id.clone());
        seen.extend(page.into_iter().map(|person| person.id));
    }
    assert_eq!(seen, wanted);
}

/// Also when the clock stands still.
pub async fn fields_are_replaced_at_the_seen_version_only(stores: &Stores) {
    let (organization, before) = stores.founded().await;
    let patch = PersonPatch { name: Some("Bo".into()), ..PersonPatch::default() };
    stores.leaves(1, stores.people.update(&before, &patch, before.updated_at, trail())).await;
    let after = stores.person(&organization.id, &before.id).await;
    assert!(after.updated_at > before.updated_at);
    assert_eq!((&*after.name, &after.timezone, &after.language), ("Bo", &before.timezone, &before.language));
    let verb = stores.people.update(&before, &patch, before.updated_at, trail());
    stores.refuses(&organization.id, Refusal::Conflict, verb).await;
}

/// And raise the epoch.
pub async fn roles_change_and_end_sessions(stores: &Stores) {
    let (organization, _) = stores.founded().await;
    let before = stores.joined(&organization.id, &["volunteer"]).await;
    let roles = words(&["admin", "usher"]);
    stores.leaves(1, stores.people.set_roles(&before, &roles, now(), trail())).await;
    let after = stores.person(&organization.id, &before.id).await;
    assert_eq!(after.roles, roles);
    assert_eq!(stores.epochs(&before.id).await, (1, 0));
    let verb = stores.people.set_roles(&before, &roles, now(), trail());
    stores.refuses(&organization.id, Refusal::Conflict, verb).await;
}

/// Neither demoted, locked nor deleted; a locked admin does not count, a role that only sounds like it neither.
pub async fn the_last_admin_stays(stores: &Stores) {
    let (organization, last) = stores.founded().await;
    let org_id = &organization.id;
    let other = stores.joined(org_id, &["admin"]).await;
    stores.joined(org_id, &["administrator", "co-admin", "x\"admin", "admin\\", "\"admin\""]).await;
    stores.people.set_locked(&other, true, now(), trail(), vec![]).await.expect("another admin is active");
    let demoted = words(&["volunteer"]);
    let verb = stores.people.set_roles(&last, &demoted, now(), trail());
    stores.refuses(org_id, Refusal::LastAdmin, verb).await;
    let verb = stores.people.set_locked(&last, true, now(), trail(), vec![mail(Some(&last.id))]);
    stores.refuses(org_id, Refusal::LastAdmin, verb).await;
    stores.refuses(org_id, Refusal::LastAdmin, stores.people.delete(&last, now(), trail())).await;
    let roles = words(&["admin", "usher"]);
    stores.leaves(1, stores.people.set_roles(&last, &roles, now(), trail())).await;
    let other = stores.person(org_id, &other.id).await;
    stores.leaves(1, stores.people.set_roles(&other, &words(&["volunteer"]), now(), trail())).await;
}

/// Many times, because a race needs luck.
pub async fn of_two_admins_who_demote_each_other_one_stays(stores: &Stores) {
    for round in 0..20 {
        let (organization, first) = stores.founded().await;
        let second = stores.joined(&organization.id, &["admin"]).await;
        let outcomes = at_once([first, second].map(|person| {
            let store = stores.people.clone();
            async move {
                match round % 3 {
                    0 => store.set_roles(&person, &words(&["volunteer"]), now(), trail()).await,
                    1 => store.set_locked(&person, true, now(), trail(), vec![]).await,
                    _ => store.delete(&person, now(), trail()).await,
                }
            }
        }))
        .await;
        one_wins(outcomes, &Refusal::LastAdmin);
    }
}

/// Each from the other state only, each raising the epoch.
pub async fn locking_and_unlocking(stores: &Stores) {
    let (organization, _) = stores.founded().await;
    let org_id = &organization.id;
    let before = stores.joined(org_id, &["volunteer"]).await;
    let verb = stores.people.set_locked(&before, false, now(), trail(), vec![]);
    stores.refuses(org_id, Refusal::Conflict, verb).await;
    let mail = mail(Some(&before.id));
    stores.leaves(1, stores.people.set_locked(&before, true, now(), trail(), vec![mail.clone()])).await;
    assert!(stores.outbox.list(1000).await.expect("readable").iter().any(|row| row.id == mail.id));
    let locked = stores.person(org_id, &before.id).await;
    assert_eq!(locked.status, PersonStatus::Locked);
    stores.leaves(1, stores.people.set_locked(&locked, false, now(), trail(), vec![])).await;
    assert_eq!(stores.person(org_id, &before.id).await.status, PersonStatus::Active);
    assert_eq!(stores.epochs(&before.id).await, (2, 0));
}

/// Nothing says who it was; the address is free again; nothing lets them in.
pub async fn a_deleted_person_is_nobody(stores: &Stores) {
    let (organization, _) = stores.founded().await;
    let org_id = &organization.id;
    let before = stores.joined(org_id, &["usher"]).await;
    let canonical = before.email.clone().expect("an address").to_lowercase();
    let key = accounts::credential_check::account_key(&canonical);
    let link = grant(&before, Purpose::Unlock);
    let change = FailedSignIn {
        person_id: Some(before.id.clone()),
        account_key: Some(key.clone()),
        locks: Vec::new(),
        unlock_grant: Some(link.clone()),
        raise_epoch: false,
        at: now(),
    };
    let waiting = mail(Some(&before.id));
    stores.accounts.record_failed_sign_in(change, trail(), vec![waiting.clone()]).await.expect("stored");
    stores.leaves(1, stores.people.delete(&before, now(), trail())).await;

    assert_eq!(stores.people.get(org_id, &before.id).await, Ok(None));
    let listed = stores.people.list(org_id, &Page { limit: 10, after: None }).await.expect("readable");
    assert!(listed.iter().all(|person| person.id != before.id));
    let row = stores.accounts.credentials_of(&before.id).await.expect("readable").expect("the row stays");
    assert_eq!((&*row.person.name, row.person.email, row.password_hash), ("Deleted person", None, None));
    assert_eq!((row.person.status, row.person.roles), (PersonStatus::Deleted, vec![]));
    assert_eq!((row.credential_epoch, row.device_epoch), (1, 1));
    assert!(stores.accounts.credentials_by_email(&canonical).await.expect("readable").is_none());
    assert_eq!(stores.accounts.consecutive_failures(&key).await, Ok(0));
    assert_eq!(stores.accounts.peek_token(&link.hash, Purpose::Unlock, now()).await, Ok(None));
    let mails = stores.outbox.list(1000).await.expect("readable");
    assert!(mails.iter().any(|row| row.id == waiting.id && row.status == "expired"));
    let verb = stores.people.delete(&before, now(), trail());
    stores.refuses(org_id, Refusal::Conflict, verb).await;

    let mut again = super::stores::new_person(org_id, &["volunteer"]);
    again.email_canonical = canonical;
    stores.leaves(1, stores.accounts.create_person(&again, trail())).await;
}

/// By address wherever they are; the first admin who is active.
pub async fn operators_find_people(stores: &Stores) {
    let (_, person) = stores.founded().await;
    let canonical = person.email.clone().expect("an address").to_lowercase();
    assert_eq!(stores.people.find_by_email(&canonical).await, Ok(Some(person)));
    assert_eq!(stores.people.find_by_email(&id("nobody")).await, Ok(None));
    let first = stores.people.first_admin().await.expect("readable").expect("somebody");
    assert!(first.is_admin() && first.status == PersonStatus::Active);
    assert!(first.created_at > Timestamp::EPOCH);
}
