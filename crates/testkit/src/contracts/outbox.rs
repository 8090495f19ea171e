//! The contract of [`accounts::ports::Outbox`]: two nodes at work included.

use std::collections::HashSet;
use std::time::Duration;

use accounts::error::{Error, Refusal};
use accounts::outbox::Mail;
use accounts::ports::{FailedSignIn, MailStatus, OutboxRow};
use hardening::clock::Timestamp;

use super::stores::{Stores, at_once, mail, now, trail};

const LEASE: Duration = Duration::from_mins(2);

/// Runs every check on a store nobody else uses, with a second node at the same storage.
pub async fn all(stores: &Stores, another: &Stores) {
    a_mail_is_claimed_when_due_and_hidden_meanwhile(stores).await;
    what_is_settled_never_comes_back(stores).await;
    what_is_buried_keeps_its_content_until_it_expires(stores).await;
    nothing_is_sent_to_somebody_deleted(stores).await;
    two_nodes_never_claim_the_same_message(stores, another).await;
}

async fn enqueue(stores: &Stores, count: usize) -> Vec<Mail> {
    enqueue_all(stores, (0..count).map(|_| mail(None)).collect()).await
}

async fn enqueue_all(stores: &Stores, mails: Vec<Mail>) -> Vec<Mail> {
    let change = FailedSignIn {
        person_id: None,
        account_key: None,
        locks: Vec::new(),
        unlock_grant: None,
        raise_epoch: false,
        at: now(),
    };
    stores.accounts.record_failed_sign_in(change, trail(), mails.clone()).await.expect("stored");
    mails
}

async fn row(stores: &Stores, id: &str) -> OutboxRow {
    let rows = stores.outbox.list(1000).await.expect("readable");
    rows.into_iter().find(|row| row.id == id).expect("it is listed")
}

async fn claimed(stores: &Stores, at: Timestamp) -> Vec<String> {
    let due = stores.outbox.claim(100, at, at + LEASE).await.expect("claimable");
    due.into_iter().map(|due| due.id).collect()
}

/// A claim runs out by itself; a postponed message comes when it is due.
pub async fn a_mail_is_claimed_when_due_and_hidden_meanwhile(stores: &Stores) {
    let mail = enqueue(stores, 1).await.remove(0);
    let at = now();
    let due = stores.outbox.claim(10, at, at + LEASE).await.expect("claimable");
    assert_eq!(due.len(), 1);
    assert_eq!((&due[0].mail, due[0].attempts), (&mail, 0));
    assert!(claimed(stores, at + LEASE - Duration::from_micros(1)).await.is_empty());
    let due = stores.outbox.claim(10, at + LEASE, at + LEASE + LEASE).await.expect("claimable");
    assert_eq!((due.len(), due[0].attempts), (1, 1));
    let later = at + Duration::from_hours(1);
    stores.outbox.postpone(&mail.id, later, "451 busy", at).await.expect("postponed");
    let listed = row(stores, &mail.id).await;
    assert_eq!((listed.attempts, &*listed.status, listed.next_attempt_at), (2, "waiting", later));
    assert_eq!(listed.last_error.as_deref(), Some("451 busy"));
    assert!(claimed(stores, later - Duration::from_micros(1)).await.is_empty());
    assert_eq!(claimed(stores, later).await, std::slice::from_ref(&mail.id));
    stores.outbox.settle(&mail.id, MailStatus::Delivered, None, later).await.expect("settled");
}

/// Nor changes its state again.
pub async fn what_is_settled_never_comes_back(stores: &Stores) {
    let mails = enqueue(stores, 3).await;
    let states = [MailStatus::Delivered, MailStatus::Expired, MailStatus::Dead];
    for (mail, status) in mails.iter().zip(states) {
        stores.outbox.settle(&mail.id, status, Some("why\0"), now()).await.expect("settled");
        stores.outbox.settle(&mail.id, MailStatus::Delivered, None, now()).await.expect("no fault");
        stores.outbox.postpone(&mail.id, now(), "x", now()).await.expect("no fault");
        let listed = row(stores, &mail.id).await;
        assert_eq!((listed.status.as_str(), listed.last_error.as_deref()), (status.as_str(), Some("why")));
    }
    assert!(claimed(stores, now() + Duration::from_hours(100)).await.is_empty());
}

/// With its event and the mails that tell of it, once; and it can be revived while it is worth sending.
pub async fn what_is_buried_keeps_its_content_until_it_expires(stores: &Stores) {
    let mails = enqueue(stores, 2).await;
    let (first, late) = (&mails[0], &mails[1]);
    let at = first.created_at;
    let before = stores.outbox.backlog().await.expect("readable");
    assert!(before.waiting >= 2 && before.oldest.is_some_and(|oldest| oldest <= at));
    let notice = mail(None);
    let notices = vec![notice.clone()];
    stores.outbox.bury(&first.id, "550 no such user", at, trail(), notices).await.expect("buried");
    assert_eq!(
        stores.outbox.find(&notice.id).await.expect("readable").map(|row| row.status),
        Some("waiting".into())
    );
    let again = stores.outbox.bury(&first.id, "x", at, trail(), vec![mail(None)]).await;
    assert!(matches!(again, Err(Error::Refused(Refusal::Conflict))), "{again:?}");
    let dead = stores.outbox.list_of(MailStatus::Dead, 1000).await.expect("readable");
    let listed = dead.iter().find(|row| row.id == first.id).expect("it is listed");
    assert_eq!(
        (listed.last_error.as_deref(), listed.expires_at),
        (Some("550 no such user"), first.expires_at)
    );
    let after = stores.outbox.backlog().await.expect("readable");
    assert_eq!((after.waiting, after.dead), (before.waiting, before.dead + 1));

    stores.outbox.revive(&first.id, at, trail()).await.expect("revived");
    let twice = stores.outbox.revive(&first.id, at, trail()).await;
    assert!(matches!(twice, Err(Error::Refused(Refusal::Conflict))), "{twice:?}");
    let due = stores.outbox.claim(1000, at, at + LEASE).await.expect("claimable");
    let revived = due.iter().find(|due| due.id == first.id).expect("it waits again");
    assert_eq!((&revived.mail, revived.attempts), (first, 0));

    stores.outbox.bury(&late.id, "x", at, trail(), Vec::new()).await.expect("buried");
    let too_late = stores.outbox.revive(&late.id, late.expires_at, trail()).await;
    assert!(matches!(too_late, Err(Error::Refused(Refusal::Conflict))), "{too_late:?}");
    stores.accounts.purge_expired(late.expires_at, 100).await.expect("purged");
    let forgotten = stores.outbox.revive(&late.id, at, trail()).await;
    assert!(
        matches!(forgotten, Err(Error::Refused(Refusal::Conflict))),
        "its content is gone: {forgotten:?}"
    );
    for done in due.iter().map(|due| &due.id).chain([&notice.id]) {
        stores.outbox.settle(done, MailStatus::Delivered, None, at).await.expect("settled");
    }
}

/// What waits goes with the person; what is stored too late to be seen by that is not handed out.
pub async fn nothing_is_sent_to_somebody_deleted(stores: &Stores) {
    let (organization, _) = stores.founded().await;
    let person = stores.joined(&organization.id, &["usher"]).await;
    let early = enqueue_all(stores, vec![mail(Some(&person.id))]).await.remove(0);
    stores.people.delete(&person, now(), trail()).await.expect("deleted");
    assert_eq!(row(stores, &early.id).await.status, "expired");
    let late = enqueue_all(stores, vec![mail(Some(&person.id))]).await.remove(0);
    assert!(!claimed(stores, now()).await.contains(&late.id));
    assert_eq!(row(stores, &late.id).await.status, "expired");
}

/// Eight workers on two nodes: each message once, none forgotten.
pub async fn two_nodes_never_claim_the_same_message(stores: &Stores, another: &Stores) {
    let mails = enqueue(stores, 60).await;
    let at = now();
    let workers = (0..8).map(|worker| {
        let outbox = if worker % 2 == 0 { stores.outbox.clone() } else { another.outbox.clone() };
        async move {
            let (mut mine, mut idle) = (Vec::new(), 0);
            while idle < 5 {
                let due = outbox.claim(7, at, at + LEASE).await.expect("claimable");
                idle = if due.is_empty() { idle + 1 } else { 0 };
                mine.extend(due.into_iter().map(|due| due.id));
            }
            mine
        }
    });
    let all: Vec<String> = at_once(workers).await.concat();
    let once: HashSet<&String> = all.iter().collect();
    assert_eq!(once.len(), all.len(), "a message was claimed twice");
    assert_eq!(once, mails.iter().map(|mail| &mail.id).collect());
}
