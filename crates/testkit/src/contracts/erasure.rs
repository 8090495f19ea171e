//! The contract of erasing people, in [`accounts::ports::PeopleStore`]: what the trail, invitations and mail
//! hold about them goes, rows and everything about others stay.

use std::time::Duration;

use accounts::error::Refusal;
use accounts::model::{Invitation, Person};
use accounts::outbox::Mail;
use accounts::ports::{AuditFilter, AuditPage, AuditRow, MailStatus};
use hardening::audit::{Action, AuditEvent, Changes, ERASED, Resource, SYSTEM_ORGANIZATION, Trail};
use hardening::entropy::OsEntropy;
use hardening::one_time_token::OneTimeToken;
use serde_json::{Value, json};

use super::stores::{Stores, event, id, mail, new_person, now, trail};

/// Runs every check.
pub async fn all(stores: &Stores) {
    the_trail_forgets_the_person(stores).await;
    everything_about_others_stays(stores).await;
    invitations_and_mail_forget_the_person(stores).await;
    deleting_makes_invitations_anonymous_and_erasing_still_finds_them(stores).await;
    somebody_deleted_before_is_erased_later(stores).await;
    refusals_erase_nothing(stores).await;
    an_event_that_does_not_say_so_erases_nothing(stores).await;
}

/// What changes become.
pub fn erased_changes() -> Value {
    json!({"erased": {"old": ERASED, "new": ERASED}})
}

/// The trail of an erasure by this admin.
pub fn erasing(admin: &Person, person_id: &str) -> Trail {
    let event = AuditEvent {
        org_id: admin.org_id.clone(),
        user_id: admin.id.clone(),
        user_email: admin.email.clone().expect("an address"),
        resource: Resource::new("person", person_id),
        changes: Some(Changes::deleted(json!({ "name": ERASED, "audit_log": ERASED }))),
        ..event(Action::PersonDelete)
    };
    Trail::of(event, &OsEntropy)
}

async fn rows(stores: &Stores, org_id: &str) -> Vec<AuditRow> {
    let filter = AuditFilter { org_id: Some(org_id.to_owned()), ..AuditFilter::default() };
    let page = AuditPage { limit: 1000, after: None, offset: 0 };
    stores.audit.page(&filter, &page).await.expect("readable")
}

async fn row(stores: &Stores, org_id: &str, id: &str) -> AuditRow {
    rows(stores, org_id).await.into_iter().find(|row| row.id == id).expect("the row stays")
}

/// Stores an event by this person and returns its id.
async fn done_by(stores: &Stores, actor: &Person, action: Action, resource: Resource) -> String {
    let event = AuditEvent {
        org_id: actor.org_id.clone(),
        user_id: actor.id.clone(),
        user_email: actor.email.clone().expect("an address"),
        resource,
        error_message: Some("why".to_owned()),
        ..event(action)
    };
    let id = event.id.clone();
    stores.audit.append(Trail::of(event, &OsEntropy)).await.expect("appended");
    id
}

/// Stores a failed sign-in of nobody known.
async fn typed(stores: &Stores, address: &str) -> String {
    let event = AuditEvent { user_email: address.to_owned(), ..event(Action::AuthLoginFailed) };
    let id = event.id.clone();
    stores.audit.append(Trail::of(event, &OsEntropy)).await.expect("appended");
    id
}

fn actor_of(row: &AuditRow) -> (&str, Option<&str>, Option<&str>) {
    (&row.user_email, row.ip_address.as_deref(), row.user_agent.as_deref())
}

fn subject_of(row: &AuditRow) -> (Option<&str>, Option<Value>, Option<&str>) {
    (row.resource_name.as_deref(), row.changes.clone(), row.error_message.as_deref())
}

fn about(person: &Person) -> Resource {
    Resource::new("person", person.id.clone()).named("Ann")
}

fn team() -> Resource {
    Resource::new("team", "team_1").named("Crew")
}

fn session() -> Resource {
    Resource::new("session", id("session")).named("phone")
}

/// By the person: who acted. To the person, and in their sessions: what was done. Typed by nobody known: the
/// address.
pub async fn the_trail_forgets_the_person(stores: &Stores) {
    let (organization, admin) = stores.founded().await;
    let org_id = &organization.id;
    let (person, bystander) =
        (stores.joined(org_id, &["usher"]).await, stores.joined(org_id, &["usher"]).await);
    let address = person.email.clone().expect("an address");
    let by_them = done_by(stores, &person, Action::TeamUpdate, team()).await;
    let signed_in = done_by(stores, &person, Action::AuthLogin, session()).await;
    let to_them = done_by(stores, &admin, Action::PersonUpdate, about(&person)).await;
    let to_themselves = done_by(stores, &person, Action::PersonUpdate, about(&person)).await;
    let to_another = done_by(stores, &person, Action::PersonUpdate, about(&bystander)).await;
    let strange = typed(stores, &address.to_uppercase()).await;
    let trail = erasing(&admin, &person.id);
    let event_id = trail.first().event.id.clone();
    stores.leaves(1, stores.people.delete_and_erase(&person, now(), trail)).await;

    let plain = (Some("Crew"), event(Action::TeamUpdate).changes.map(|c| c.as_json().clone()), Some("why"));
    let erased_actor = (ERASED, Some(ERASED), Some(ERASED));
    let erased_subject = (Some(ERASED), Some(erased_changes()), Some(ERASED));
    let seen = row(stores, org_id, &by_them).await;
    assert_eq!((actor_of(&seen), subject_of(&seen)), (erased_actor, plain), "what was done to others stays");
    let seen = row(stores, org_id, &to_them).await;
    let by_admin = (admin.email.as_deref().expect("an address"), Some("192.0.2.1"), Some("test"));
    assert_eq!((actor_of(&seen), subject_of(&seen)), (by_admin, erased_subject.clone()));
    for both in [&signed_in, &to_themselves] {
        let seen = row(stores, org_id, both).await;
        assert_eq!((actor_of(&seen), subject_of(&seen)), (erased_actor, erased_subject.clone()));
    }
    let seen = row(stores, org_id, &to_another).await;
    assert_eq!((actor_of(&seen), seen.resource_name.as_deref()), (erased_actor, Some("Ann")));
    assert_eq!((&*seen.user_id, &*seen.action), (&*person.id, "person.update"), "who did what, by id, stays");
    let seen = row(stores, SYSTEM_ORGANIZATION, &strange).await;
    assert_eq!((actor_of(&seen), seen.resource_name.as_deref()), (erased_actor, Some("Ann")));
    let told = row(stores, org_id, &event_id).await;
    assert_eq!(told.changes.expect("it says so")["deleted"]["old"]["audit_log"], ERASED);
    for org_id in [org_id, SYSTEM_ORGANIZATION] {
        let left = format!("{:?}", rows(stores, org_id).await).to_lowercase();
        assert!(!left.contains(&address.to_lowercase()));
    }
    let gone = stores.accounts.credentials_of(&person.id).await.expect("readable").expect("the row stays");
    assert_eq!((&*gone.person.name, gone.person.email), ("Deleted person", None));
}

/// What others did, to others, and what nobody typed, is as it was; no row goes.
pub async fn everything_about_others_stays(stores: &Stores) {
    let (organization, admin) = stores.founded().await;
    let org_id = &organization.id;
    let (person, bystander) =
        (stores.joined(org_id, &["usher"]).await, stores.joined(org_id, &["usher"]).await);
    done_by(stores, &person, Action::AuthLogin, session()).await;
    done_by(stores, &admin, Action::TeamUpdate, team()).await;
    done_by(stores, &bystander, Action::AuthLogin, session()).await;
    done_by(stores, &admin, Action::PersonUpdate, about(&bystander)).await;
    for address in ["", "somebody.else@example.com"] {
        typed(stores, address).await;
    }
    let before = [rows(stores, org_id).await, rows(stores, SYSTEM_ORGANIZATION).await].concat();
    stores.people.delete_and_erase(&person, now(), erasing(&admin, &person.id)).await.expect("erased");
    let after = [rows(stores, org_id).await, rows(stores, SYSTEM_ORGANIZATION).await].concat();
    for row in before {
        let now = after.iter().find(|now| now.id == row.id).expect("no row goes");
        assert!(row.user_id == person.id || *now == row, "{now:?}");
    }
}

fn invitation(inviter: &Person, address: &str) -> Invitation {
    Invitation {
        id: id("invitation"),
        org_id: inviter.org_id.clone(),
        email: address.to_owned(),
        email_canonical: address.to_lowercase(),
        roles: vec!["usher".into()],
        status: "pending".into(),
        invited_by: inviter.id.clone(),
        created_at: now(),
        expires_at: now() + Duration::from_hours(1),
    }
}

/// The invitation, its row in the trail, and its mail, which waits.
async fn invited(stores: &Stores, inviter: &Person, address: &str) -> (Invitation, String, Mail) {
    let (invitation, mail) = (invitation(inviter, address), mail(None));
    let hash = OneTimeToken::generate(&OsEntropy).1;
    stores.invitations.create(&invitation, &hash, trail(), vec![mail.clone()]).await.expect("invited");
    let resource = Resource::new("invitation", invitation.id.clone()).named(address);
    let sent = done_by(stores, inviter, Action::InvitationSent, resource).await;
    (invitation, sent, mail)
}

/// The one they accepted and the one still open, with their rows; what a mail server said of their mail.
pub async fn invitations_and_mail_forget_the_person(stores: &Stores) {
    let (organization, admin) = stores.founded().await;
    let org_id = &organization.id;
    let guest = new_person(org_id, &["usher"]);
    let (accepted, accepted_row, accepted_mail) = invited(stores, &admin, &guest.email).await;
    stores.accounts.accept_invitation(&accepted.id, &guest, trail()).await.expect("accepted");
    let (open, open_row, open_mail) = invited(stores, &admin, &guest.email).await;
    let (other, other_row, other_mail) = invited(stores, &admin, "somebody.else@example.com").await;
    let (delivered, waiting) = (mail(Some(&guest.id)), mail(Some(&guest.id)));
    let person = stores.person(org_id, &guest.id).await;
    for mail in [&delivered, &waiting] {
        let change = accounts::ports::FailedSignIn {
            person_id: Some(guest.id.clone()),
            account_key: None,
            locks: Vec::new(),
            unlock_grant: None,
            raise_epoch: false,
            at: now(),
        };
        stores.accounts.record_failed_sign_in(change, trail(), vec![mail.clone()]).await.expect("stored");
    }
    let said = format!("550 no such user {}", guest.email);
    stores.outbox.settle(&delivered.id, MailStatus::Dead, Some(&said), now()).await.expect("settled");
    stores.people.delete_and_erase(&person, now(), erasing(&admin, &person.id)).await.expect("erased");

    for (invitation, status) in [(&accepted, "accepted"), (&open, "revoked")] {
        let found =
            stores.invitations.get(org_id, &invitation.id).await.expect("readable").expect("it stays");
        assert_eq!(
            (&*found.email, &*found.email_canonical, &*found.status),
            (ERASED, ERASED, status),
            "{invitation:?}"
        );
    }
    for id in [accepted_row, open_row] {
        let seen = row(stores, org_id, &id).await;
        assert_eq!(subject_of(&seen), (Some(ERASED), Some(erased_changes()), Some(ERASED)));
        assert_eq!(actor_of(&seen).0, admin.email.as_deref().expect("an address"));
    }
    assert_eq!(stores.invitations.get(org_id, &other.id).await, Ok(Some(other.clone())));
    assert_eq!(row(stores, org_id, &other_row).await.resource_name, Some(other.email));
    let mails = stores.outbox.list(1000).await.expect("readable");
    let of = |id: &str| mails.iter().find(|row| row.id == id).expect("listed");
    assert_eq!((&of(&delivered.id).last_error, &*of(&waiting.id).status), (&None, "expired"));
    assert_eq!((&*of(&accepted_mail.id).status, &*of(&open_mail.id).status), ("expired", "expired"));
    assert_eq!(of(&other_mail.id).status, "waiting", "a mail to somebody else still goes");
    stores.outbox.settle(&other_mail.id, MailStatus::Delivered, None, now()).await.expect("settled");
    let again = invitation(&admin, &guest.email);
    let hash = OneTimeToken::generate(&OsEntropy).1;
    stores.leaves(1, stores.invitations.create(&again, &hash, trail(), vec![])).await;
}

/// The address of somebody who was deleted is nowhere in `invitations`; what the trail says of them stays until they are
/// erased, and then what it says of others still does.
pub async fn deleting_makes_invitations_anonymous_and_erasing_still_finds_them(stores: &Stores) {
    let (organization, admin) = stores.founded().await;
    let org_id = &organization.id;
    let mut told = Vec::new();
    let mut people = Vec::new();
    for _ in 0..2 {
        let guest = new_person(org_id, &["usher"]);
        let (accepted, accepted_row, _) = invited(stores, &admin, &guest.email).await;
        stores.accounts.accept_invitation(&accepted.id, &guest, trail()).await.expect("accepted");
        let (open, open_row, open_mail) = invited(stores, &admin, &guest.email).await;
        let person = stores.person(org_id, &guest.id).await;
        done_by(stores, &admin, Action::PersonUpdate, about(&person)).await;
        stores.leaves(1, stores.people.delete(&person, now(), trail())).await;
        for (invitation, status) in [(&accepted, "accepted"), (&open, "revoked")] {
            let found =
                stores.invitations.get(org_id, &invitation.id).await.expect("readable").expect("it stays");
            assert_eq!(
                (&*found.email, &found.email_canonical, &*found.status),
                ("[DELETED]", &person.id, status)
            );
        }
        let dropped = stores.outbox.find(&open_mail.id).await.expect("readable").expect("listed");
        assert_eq!(dropped.status, "expired");
        told.push([accepted_row, open_row]);
        people.push(guest);
    }
    let erase = stores.people.erase_deleted(org_id, &people[0].id, now(), erasing(&admin, &people[0].id));
    stores.leaves(1, erase).await;
    for (rows, name) in told.iter().zip([ERASED, &*people[1].email]) {
        for id in rows {
            assert_eq!(row(stores, org_id, id).await.resource_name.as_deref(), Some(name));
        }
    }
}

/// What deleting has kept goes; a second time nothing is left, and no row says that something was.
pub async fn somebody_deleted_before_is_erased_later(stores: &Stores) {
    let (organization, admin) = stores.founded().await;
    let org_id = &organization.id;
    let person = stores.joined(org_id, &["usher"]).await;
    let address = person.email.clone().expect("an address");
    let by_them = done_by(stores, &person, Action::AuthLogout, Resource::new("session", "s")).await;
    let nobody = typed(stores, &address).await;
    let deleted = AuditEvent {
        org_id: org_id.clone(),
        user_id: admin.id.clone(),
        resource: Resource::new("person", person.id.clone()).named("Ann"),
        changes: Some(Changes::deleted(json!({ "email": address }))),
        ..event(Action::PersonDelete)
    };
    let deleted_row = deleted.id.clone();
    let trail = Trail::of(deleted, &OsEntropy);
    stores.leaves(1, stores.people.delete(&person, now(), trail)).await;
    assert_eq!(row(stores, org_id, &by_them).await.user_email, address, "deleting alone erases nothing");

    let erase = || stores.people.erase_deleted(org_id, &person.id, now(), erasing(&admin, &person.id));
    stores.leaves(1, erase()).await;
    assert_eq!(row(stores, org_id, &by_them).await.user_email, ERASED);
    assert_eq!(row(stores, SYSTEM_ORGANIZATION, &nobody).await.user_email, ERASED);
    let seen = row(stores, org_id, &deleted_row).await;
    assert_eq!((seen.resource_name.as_deref(), seen.changes), (Some(ERASED), Some(erased_changes())));
    stores.leaves(0, erase()).await;
    let late = done_by(stores, &person, Action::AuthLogout, Resource::new("session", "s")).await;
    stores.leaves(1, erase()).await;
    assert_eq!(row(stores, org_id, &late).await.user_email, ERASED, "a row that came late goes too");
}

/// Another organization's people, people who live, the last admin, a version that is gone.
pub async fn refusals_erase_nothing(stores: &Stores) {
    let (organization, admin) = stores.founded().await;
    let (_, stranger) = stores.founded().await;
    let org_id = &organization.id;
    let person = stores.joined(org_id, &["usher"]).await;
    let by_them = done_by(stores, &person, Action::AuthLogout, Resource::new("session", "s")).await;
    for id in [&stranger.id, &person.id, "person_nobody"] {
        let verb = stores.people.erase_deleted(org_id, id, now(), erasing(&admin, id));
        stores.refuses(org_id, Refusal::NotFound("person"), verb).await;
    }
    let verb = stores.people.delete_and_erase(&admin, now(), erasing(&admin, &admin.id));
    stores.refuses(org_id, Refusal::LastAdmin, verb).await;
    let stale = Person { updated_at: person.created_at - Duration::from_secs(1), ..person.clone() };
    let verb = stores.people.delete_and_erase(&stale, now(), erasing(&admin, &person.id));
    stores.refuses(org_id, Refusal::Conflict, verb).await;
    assert_eq!(row(stores, org_id, &by_them).await.user_email, person.email.expect("an address"));
}

/// The database demands it.
pub async fn an_event_that_does_not_say_so_erases_nothing(stores: &Stores) {
    let (organization, admin) = stores.founded().await;
    let person = stores.joined(&organization.id, &["usher"]).await;
    let event = |action, resource| AuditEvent { org_id: admin.org_id.clone(), resource, ..event(action) };
    let says_so = || Some(Changes::deleted(json!({ "audit_log": ERASED })));
    let them = || Resource::new("person", person.id.clone());
    let wrong = [
        AuditEvent { changes: Some(Changes::deleted(json!({}))), ..event(Action::PersonDelete, them()) },
        AuditEvent { changes: says_so(), ..event(Action::PersonUpdate, them()) },
        AuditEvent { changes: says_so(), ..event(Action::PersonDelete, Resource::new("person", "person_x")) },
        AuditEvent { changes: None, ..event(Action::PersonDelete, them()) },
    ];
    for event in wrong {
        let before = stores.audit_rows().await;
        let trail = Trail::of(event, &OsEntropy);
        let outcome = stores.people.delete_and_erase(&person, now(), trail).await;
        assert!(outcome.is_err());
        assert_eq!(stores.person(&organization.id, &person.id).await, person);
        assert_eq!(stores.audit_rows().await, before);
    }
}
