//! The contract of [`accounts::ports::Outbox`]: two nodes at work included.

use std::collections::HashSet;
use std::time::Duration;

use accounts::outbox::Mail;
use accounts::ports::{FailedSignIn, MailStatus, OutboxRow};
use hardening::clock::Timestamp;

use super::stores::{Stores, at_once, mail, now, trail};

const LEASE: Duration = Duration::from_mins(2);

/// Runs every check on a store nobody else uses, with a second node at the same storage.
pub async fn all(stores: &Stores, another: &Stores) {
    a_mail_is_claimed_when_due_and_hidden_meanwhile(stores).await;
    what_is_settled_never_comes_back(stores).await;
    two_nodes_never_claim_the_same_message(stores, another).await;
}

async fn enqueue(stores: &Stores, count: usize) -> Vec<Mail> {
    let mails: Vec<Mail> = (0..count).map(|_| mail(None)).collect();
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
