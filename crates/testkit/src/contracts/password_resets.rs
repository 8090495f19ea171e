//! The contract of [`accounts::ports::PasswordResetStore`], races included.

use std::time::Duration;

use accounts::error::Refusal;
use accounts::model::{Lock, Person};
use accounts::ports::{FailedSignIn, KnownLink, OneTimeGrant, PasswordReset, ResetRequest};
use hardening::clock::Timestamp;
use hardening::one_time_token::Purpose;

use super::stores::{CROWD, Stores, at_once, grant, id, in_an_hour, mail, now, one_wins, trail};

const MICROSECOND: Duration = Duration::from_micros(1);

/// Runs every check; `elsewhere` is the same storage as another node sees it.
pub async fn all(stores: &Stores, elsewhere: &Stores) {
    requests_are_taken_once_and_in_their_order(stores, elsewhere).await;
    requests_put_back_are_due_later(stores).await;
    a_request_is_answered_once(stores).await;
    one_of_many_answers_wins(stores, elsewhere).await;
    who_may_not_sign_in_gets_no_link(stores).await;
    the_newest_links_live_side_by_side(stores).await;
    a_link_sets_the_password_once(stores).await;
    a_link_ends_in_time_and_opens_nothing_else(stores).await;
    one_of_many_who_use_a_link_wins(stores, elsewhere).await;
    locks_for_codes_stay(stores).await;
    who_may_not_sign_in_any_more_cannot_use_a_link(stores).await;
    not_me_voids_links(stores).await;
    the_requests_of_deleted_people_go(stores).await;
}

fn request(email_canonical: &str) -> ResetRequest {
    ResetRequest {
        id: id("reset"),
        email_canonical: email_canonical.to_owned(),
        ip_address: "192.0.2.1".to_owned(),
        user_agent: Some("test".to_owned()),
        request_id: "request".to_owned(),
        asked_at: now(),
    }
}

async fn asked(stores: &Stores, email_canonical: &str) -> ResetRequest {
    let request = request(email_canonical);
    stores.password_resets.ask(&request).await.expect("stored");
    request
}

async fn take(stores: &Stores, now: Timestamp, until: Timestamp) -> Vec<ResetRequest> {
    stores.password_resets.take_requests(100, now, until).await.expect("readable")
}

/// Nobody's requests wait.
async fn emptied(stores: &Stores) {
    let ids: Vec<String> =
        take(stores, Timestamp::MAX, Timestamp::MAX).await.into_iter().map(|request| request.id).collect();
    stores.password_resets.dismiss(&ids).await.expect("removed");
}

async fn linked(stores: &Stores, person: &Person) -> OneTimeGrant {
    let request = asked(stores, "somebody@example.com").await;
    let link = grant(person, Purpose::PasswordReset);
    let mails = vec![mail(Some(&person.id))];
    stores.password_resets.issue_link(&request.id, &link, 3, trail(), mails).await.expect("issued");
    link
}

fn change(person: &Person, link: &OneTimeGrant) -> PasswordReset {
    PasswordReset {
        hash: link.hash,
        person_id: person.id.clone(),
        new_hash: "$new".to_owned(),
        account_key: None,
        notice: None,
        at: now(),
    }
}

async fn is_live(stores: &Stores, link: &OneTimeGrant) -> Option<bool> {
    let known = stores.password_resets.known_link(&link.hash, now()).await.expect("readable");
    known.map(|known| known.is_live)
}

/// The oldest first, as they were asked, by one node of several.
pub async fn requests_are_taken_once_and_in_their_order(stores: &Stores, elsewhere: &Stores) {
    emptied(stores).await;
    let mut wanted = Vec::new();
    for n in 0..6 {
        wanted.push(asked(stores, &format!("{n}@example.com")).await);
    }
    let (now, until) = (now(), in_an_hour());
    assert_eq!(stores.password_resets.take_requests(2, now, until).await.expect("readable"), wanted[..2]);
    let (here, there) = tokio::join!(take(stores, now, until), take(elsewhere, now, until));
    let mut taken: Vec<_> = here.into_iter().chain(there).collect();
    taken.sort_by_key(|request| request.asked_at);
    assert_eq!(taken, wanted[2..], "each by one of the two");
    assert_eq!(take(elsewhere, now, until).await, []);
    assert_eq!(take(elsewhere, until, Timestamp::MAX).await, wanted, "whoever took them is gone");
    emptied(stores).await;
}

/// To the microsecond; and those removed never.
pub async fn requests_put_back_are_due_later(stores: &Stores) {
    emptied(stores).await;
    let waiting = [asked(stores, "a@example.com").await, asked(stores, "b@example.com").await];
    let ids = waiting.each_ref().map(|request| request.id.clone());
    let until = in_an_hour();
    take(stores, now(), Timestamp::MAX).await;
    stores.password_resets.put_back(&ids, until).await.expect("stored");
    assert_eq!(take(stores, until - MICROSECOND, Timestamp::MAX).await, []);
    assert_eq!(take(stores, until, until).await, waiting);
    stores.password_resets.dismiss(&ids[..1]).await.expect("removed");
    assert_eq!(take(stores, until, until).await, waiting[1..]);
    stores.password_resets.dismiss(&[]).await.expect("nothing to do");
    emptied(stores).await;
}

/// With its row, its mail and its link; a second answer leaves nothing.
pub async fn a_request_is_answered_once(stores: &Stores) {
    let (organization, person) = stores.founded().await;
    let request = asked(stores, "x@example.com").await;
    let (link, told) = (grant(&person, Purpose::PasswordReset), mail(Some(&person.id)));
    let answer = |link, mail| stores.password_resets.issue_link(&request.id, link, 3, trail(), vec![mail]);
    stores.leaves(1, answer(&link, told.clone())).await;
    assert!(stores.outbox.list(1000).await.expect("readable").iter().any(|row| row.id == told.id));
    let known = stores.password_resets.known_link(&link.hash, now()).await.expect("readable");
    assert_eq!(known, Some(KnownLink { person_id: person.id.clone(), is_live: true }));
    let second = grant(&person, Purpose::PasswordReset);
    let verb = answer(&second, mail(Some(&person.id)));
    stores.refuses(&organization.id, Refusal::Conflict, verb).await;
    assert_eq!(is_live(stores, &second).await, None);
}

/// Two nodes answer the same request: one link, one row, one mail.
pub async fn one_of_many_answers_wins(stores: &Stores, elsewhere: &Stores) {
    let (_, person) = stores.founded().await;
    let request = asked(stores, "x@example.com").await;
    let before = stores.audit_rows().await;
    let outcomes = at_once((0..CROWD).map(|n| {
        let store = if n % 2 == 0 { stores } else { elsewhere }.password_resets.clone();
        let (link, request_id) = (grant(&person, Purpose::PasswordReset), request.id.clone());
        async move { store.issue_link(&request_id, &link, 3, trail(), vec![]).await }
    }))
    .await;
    one_wins(outcomes, &Refusal::Conflict);
    assert_eq!(stores.audit_rows().await, before + 1);
}

/// Not while locked by an admin; the request stays, to be dismissed.
pub async fn who_may_not_sign_in_gets_no_link(stores: &Stores) {
    let (organization, _) = stores.founded().await;
    let person = stores.joined(&organization.id, &["volunteer"]).await;
    stores.people.set_locked(&person, true, now(), trail(), vec![]).await.expect("locked");
    let request = asked(stores, "x@example.com").await;
    let link = grant(&person, Purpose::PasswordReset);
    let verb =
        stores.password_resets.issue_link(&request.id, &link, 3, trail(), vec![mail(Some(&person.id))]);
    stores.refuses(&organization.id, Refusal::Conflict, verb).await;
    assert_eq!(is_live(stores, &link).await, None);
    assert!(take(stores, now(), now()).await.contains(&request));
}

/// A fourth one voids the oldest; links for other purposes, and of other people, stay.
pub async fn the_newest_links_live_side_by_side(stores: &Stores) {
    let (_, person) = stores.founded().await;
    let (_, stranger) = stores.founded().await;
    let other = linked(stores, &stranger).await;
    let unlock = stores.granted(&person, Purpose::Unlock).await;
    let mut links = Vec::new();
    for _ in 0..4 {
        links.push(linked(stores, &person).await);
    }
    let mut alive = Vec::new();
    for link in &links {
        alive.push(is_live(stores, link).await);
    }
    assert_eq!(alive, [None, Some(true), Some(true), Some(true)]);
    assert_eq!(is_live(stores, &other).await, Some(true));
    let peeked = stores.accounts.peek_token(&unlock, Purpose::Unlock, now()).await;
    assert_eq!(peeked, Ok(Some(person.id)));
}

/// Hash, epochs, count, locks, the person's other links, the notice and the mail, in one step and once.
pub async fn a_link_sets_the_password_once(stores: &Stores) {
    let (organization, person) = stores.founded().await;
    let key = id("account");
    let lock_key = failed_and_locked(stores, &person, Some(&key), "account").await;
    let links = [linked(stores, &person).await, linked(stores, &person).await];
    let unlock = stores.granted(&person, Purpose::Unlock).await;
    let (notice, told, at) = (grant(&person, Purpose::NotMe), mail(Some(&person.id)), now());
    let whole = PasswordReset {
        account_key: Some(key.clone()),
        notice: Some(notice.clone()),
        at,
        ..change(&person, &links[0])
    };
    let verb = stores.password_resets.redeem_link(whole, trail(), vec![told.clone()]);
    assert_eq!(stores.leaves(1, verb).await, std::slice::from_ref(&lock_key));
    let known = stores.accounts.credentials_of(&person.id).await.expect("readable").expect("known");
    assert_eq!(known.password_hash.as_deref(), Some("$new"));
    assert_eq!(stores.epochs(&person.id).await, (1, 1));
    assert_eq!(stores.accounts.consecutive_failures(&key).await, Ok(0));
    assert_eq!(stores.accounts.lock_keys_of(&person.id).await, Ok(vec![]));
    assert_eq!((is_live(stores, &links[0]).await, is_live(stores, &links[1]).await), (Some(false), None));
    assert_eq!(stores.accounts.peek_token(&unlock, Purpose::Unlock, now()).await, Ok(None));
    let peeked = stores.accounts.peek_token(&notice.hash, Purpose::NotMe, now()).await;
    assert_eq!(peeked, Ok(Some(person.id.clone())));
    assert!(stores.outbox.list(1000).await.expect("readable").iter().any(|row| row.id == told.id));
    let news = stores.accounts.changes_since(at).await.expect("readable");
    assert!(news.epochs.contains(&(person.id.clone(), 1)) && news.lifted.contains(&(lock_key, at)));

    for link in &links {
        let again = PasswordReset { new_hash: "$again".to_owned(), ..change(&person, link) };
        let verb = stores.password_resets.redeem_link(again, trail(), vec![mail(Some(&person.id))]);
        stores.refuses(&organization.id, Refusal::TokenInvalid, verb).await;
    }
}

async fn failed_and_locked(stores: &Stores, person: &Person, key: Option<&str>, kind: &str) -> String {
    let lock = Lock {
        key: id("key"),
        kind: kind.to_owned(),
        org_id: Some(person.org_id.clone()),
        person_id: Some(person.id.clone()),
        subject: "ann@example.com".to_owned(),
        failures: 5,
        locked_at: now(),
        locked_until: in_an_hour(),
    };
    let lock_key = lock.key.clone();
    let failure = FailedSignIn {
        person_id: Some(person.id.clone()),
        account_key: key.map(str::to_owned),
        locks: vec![lock],
        unlock_grant: None,
        raise_epoch: false,
        at: now(),
    };
    stores.accounts.record_failed_sign_in(failure, trail(), vec![]).await.expect("stored");
    lock_key
}

/// To the microsecond, and not the other way round either.
pub async fn a_link_ends_in_time_and_opens_nothing_else(stores: &Stores) {
    let (organization, person) = stores.founded().await;
    let (_, stranger) = stores.founded().await;
    let link = linked(stores, &person).await;
    let late = PasswordReset { at: link.expires_at, ..change(&person, &link) };
    let verb = stores.password_resets.redeem_link(late, trail(), vec![]);
    stores.refuses(&organization.id, Refusal::TokenInvalid, verb).await;
    let ended = stores.password_resets.known_link(&link.hash, link.expires_at).await.expect("readable");
    assert_eq!(ended.map(|known| known.is_live), Some(false));
    let verb = stores.accounts.redeem_unlock(&link.hash, now(), trail());
    stores.refuses(&organization.id, Refusal::TokenInvalid, verb).await;
    let foreign = change(&stranger, &link);
    let verb = stores.password_resets.redeem_link(foreign, trail(), vec![]);
    stores.refuses(&stranger.org_id, Refusal::TokenInvalid, verb).await;
    let unlock = grant(&person, Purpose::Unlock);
    let hash = stores.granted(&person, Purpose::Unlock).await;
    let other_purpose = OneTimeGrant { hash, ..unlock };
    let verb = stores.password_resets.redeem_link(change(&person, &other_purpose), trail(), vec![]);
    stores.refuses(&organization.id, Refusal::TokenInvalid, verb).await;
    assert_eq!(is_live(stores, &other_purpose).await, None);
    let in_time = PasswordReset { at: link.expires_at - MICROSECOND, ..change(&person, &link) };
    stores.leaves(1, stores.password_resets.redeem_link(in_time, trail(), vec![])).await;
}

/// Sixteen at once at two nodes: one password, one row.
pub async fn one_of_many_who_use_a_link_wins(stores: &Stores, elsewhere: &Stores) {
    let (_, person) = stores.founded().await;
    let link = linked(stores, &person).await;
    let before = stores.audit_rows().await;
    let outcomes = at_once((0..CROWD).map(|n| {
        let store = if n % 2 == 0 { stores } else { elsewhere }.password_resets.clone();
        let change = PasswordReset { new_hash: format!("${n}"), ..change(&person, &link) };
        async move { store.redeem_link(change, trail(), vec![]).await.map(|_| n) }
    }))
    .await;
    let winner = outcomes.iter().find_map(|outcome| outcome.as_ref().ok().copied()).expect("one wins");
    one_wins(outcomes, &Refusal::TokenInvalid);
    let known = stores.accounts.credentials_of(&person.id).await.expect("readable").expect("known");
    assert_eq!(known.password_hash, Some(format!("${winner}")));
    assert_eq!((stores.epochs(&person.id).await, stores.audit_rows().await), ((1, 1), before + 1));
}

/// A mailbox buys no guesses at the second factor.
pub async fn locks_for_codes_stay(stores: &Stores) {
    let (_, person) = stores.founded().await;
    let codes = failed_and_locked(stores, &person, None, "session_codes").await;
    let device = failed_and_locked(stores, &person, None, "device").await;
    let link = linked(stores, &person).await;
    let at = now();
    let verb =
        stores.password_resets.redeem_link(PasswordReset { at, ..change(&person, &link) }, trail(), vec![]);
    assert_eq!(stores.leaves(1, verb).await, std::slice::from_ref(&device));
    assert_eq!(stores.accounts.lock_keys_of(&person.id).await, Ok(vec![codes.clone()]));
    let lifted = stores.accounts.changes_since(at).await.expect("readable").lifted;
    assert!(lifted.contains(&(device, at)) && !lifted.iter().any(|(key, _)| *key == codes));
}

/// An admin's lock is stronger than a link mailed before.
pub async fn who_may_not_sign_in_any_more_cannot_use_a_link(stores: &Stores) {
    let (organization, _) = stores.founded().await;
    let person = stores.joined(&organization.id, &["volunteer"]).await;
    let link = linked(stores, &person).await;
    stores.people.set_locked(&person, true, now(), trail(), vec![]).await.expect("locked");
    let verb = stores.password_resets.redeem_link(change(&person, &link), trail(), vec![]);
    stores.refuses(&organization.id, Refusal::TokenInvalid, verb).await;
}

/// Also those that whoever changed the password asked for.
pub async fn not_me_voids_links(stores: &Stores) {
    let (_, person) = stores.founded().await;
    let link = linked(stores, &person).await;
    let not_me = stores.granted(&person, Purpose::NotMe).await;
    stores.leaves(1, stores.accounts.redeem_not_me(&not_me, now(), trail())).await;
    assert_eq!(is_live(stores, &link).await, None);
}

/// They name the address.
pub async fn the_requests_of_deleted_people_go(stores: &Stores) {
    emptied(stores).await;
    let (organization, _) = stores.founded().await;
    let person = stores.joined(&organization.id, &["volunteer"]).await;
    let address = person.email.as_deref().expect("an address").to_lowercase();
    let others = asked(stores, "else@example.com").await;
    asked(stores, &address).await;
    stores.people.delete(&person, now(), trail()).await.expect("deleted");
    assert_eq!(take(stores, now(), now()).await, [others]);
    emptied(stores).await;
}
