//! The contract of [`accounts::ports::TeamStore`], [`accounts::ports::EventStore`] and
//! [`accounts::ports::InvitationStore`], races included.

use std::time::Duration;

use accounts::error::{Error, Refusal};
use accounts::model::{Event, Invitation, Organization, Page, Person, RequiredRole, Team};
use hardening::entropy::OsEntropy;
use hardening::one_time_token::{OneTimeToken, TokenHash};

use super::stores::{
    CROWD, Stores, at_once, id, in_an_hour, mail, new_person, now, one_wins, trail, trail_of_two,
};

/// Runs every check.
pub async fn all(stores: &Stores) {
    teams_come_change_and_go(stores).await;
    team_names_are_unique_in_an_organization(stores).await;
    members_are_active_people_of_the_organization(stores).await;
    a_team_that_goes_takes_its_members_along(stores).await;
    events_come_change_and_go(stores).await;
    an_invitation_is_open_once_per_address(stores).await;
    an_invitation_is_accepted_once(stores).await;
    one_of_many_acceptances_wins(stores).await;
    one_of_many_invitations_is_sent(stores).await;
}

const PAGE: Page = Page { limit: 100, after: None };

fn team(organization: &Organization) -> Team {
    let created_at = now();
    Team {
        id: id("team"),
        org_id: organization.id.clone(),
        name: id("name"),
        description: "d".into(),
        members: Vec::new(),
        created_at,
        updated_at: created_at,
    }
}

async fn stored_team(stores: &Stores, organization: &Organization) -> Team {
    let team = team(organization);
    stores.leaves(1, stores.teams.create(&team, trail())).await;
    team
}

/// Seen by their own organization only; changed at the seen version only.
pub async fn teams_come_change_and_go(stores: &Stores) {
    let (organization, _) = stores.founded().await;
    let org_id = &organization.id;
    let before = stored_team(stores, &organization).await;
    assert_eq!(stores.teams.get(org_id, &before.id).await, Ok(Some(before.clone())));
    assert_eq!(stores.teams.get("org_system", &before.id).await, Ok(None));
    assert_eq!(stores.teams.list(org_id, &PAGE).await, Ok(vec![before.clone()]));
    let after = Team { name: id("name"), description: String::new(), ..before.clone() };
    stores.leaves(1, stores.teams.update(&before, &after, trail())).await;
    stores.refuses(org_id, Refusal::Conflict, stores.teams.update(&before, &after, trail())).await;
    stores.refuses(org_id, Refusal::Conflict, stores.teams.delete(&before, trail())).await;
    let found = stores.teams.get(org_id, &before.id).await.expect("readable").expect("it exists");
    assert_eq!((&found.name, &*found.description), (&after.name, ""));
    stores.leaves(1, stores.teams.delete(&found, trail())).await;
    assert_eq!(stores.teams.list(org_id, &PAGE).await, Ok(vec![]));
}

/// Another organization may use the same one.
pub async fn team_names_are_unique_in_an_organization(stores: &Stores) {
    let (organization, _) = stores.founded().await;
    let (elsewhere, _) = stores.founded().await;
    let first = stored_team(stores, &organization).await;
    let second = stored_team(stores, &organization).await;
    let twin = Team { name: first.name.clone(), ..team(&organization) };
    stores.refuses(&organization.id, Refusal::NameTaken, stores.teams.create(&twin, trail())).await;
    let renamed = Team { name: first.name.clone(), ..second.clone() };
    let verb = stores.teams.update(&second, &renamed, trail());
    stores.refuses(&organization.id, Refusal::NameTaken, verb).await;
    let namesake = Team { name: first.name, ..team(&elsewhere) };
    stores.leaves(1, stores.teams.create(&namesake, trail())).await;
}

/// Once each.
pub async fn members_are_active_people_of_the_organization(stores: &Stores) {
    let (organization, founder) = stores.founded().await;
    let (_, stranger) = stores.founded().await;
    let org_id = &organization.id;
    let team = stored_team(stores, &organization).await;
    let add = |person: &Person| {
        let (store, team, id) = (stores.teams.clone(), team.clone(), person.id.clone());
        async move { store.add_member(&team, &id, now(), trail()).await }
    };
    assert!(stores.leaves(1, add(&founder)).await);
    assert!(!stores.leaves(0, add(&founder)).await, "a member already");
    stores.refuses(org_id, Refusal::NotFound("person"), add(&stranger)).await;
    let locked = stores.joined(org_id, &["volunteer"]).await;
    stores.people.set_locked(&locked, true, now(), trail(), vec![]).await.expect("locked");
    stores.refuses(org_id, Refusal::NotFound("person"), add(&locked)).await;
    let found = stores.teams.get(org_id, &team.id).await.expect("readable").expect("it exists");
    assert_eq!(found.members, std::slice::from_ref(&founder.id));
    stores.leaves(1, stores.teams.remove_member(&team, &founder.id, trail())).await;
    let verb = stores.teams.remove_member(&team, &founder.id, trail());
    stores.refuses(org_id, Refusal::NotFound("member"), verb).await;
}

/// Whether members come at the same moment or not.
pub async fn a_team_that_goes_takes_its_members_along(stores: &Stores) {
    let (organization, founder) = stores.founded().await;
    for _ in 0..8 {
        let team = stored_team(stores, &organization).await;
        let (store, other) = (stores.teams.clone(), team.clone());
        let person_id = founder.id.clone();
        let adding = tokio::spawn(async move { store.add_member(&other, &person_id, now(), trail()).await });
        stores.teams.delete(&team, trail()).await.expect("deleted");
        let added = adding.await.expect("no panic");
        assert!(matches!(added, Ok(true) | Err(Error::Refused(Refusal::NotFound("team")))), "{added:?}");
        assert_eq!(stores.teams.get(&organization.id, &team.id).await, Ok(None));
    }
}

/// As stored, to the microsecond.
pub async fn events_come_change_and_go(stores: &Stores) {
    let (organization, founder) = stores.founded().await;
    let org_id = &organization.id;
    let created_at = now();
    let before = Event {
        id: id("event"),
        org_id: org_id.clone(),
        title: "Cleanup".into(),
        kind: "service".into(),
        start: in_an_hour(),
        end: in_an_hour() + Duration::from_micros(1),
        location: "here".into(),
        description: "<p>x</p>".into(),
        required_roles: vec![RequiredRole { role: "usher".into(), count: 2 }],
        created_by: founder.id,
        created_at,
        updated_at: created_at,
    };
    stores.leaves(1, stores.events.create(&before, trail())).await;
    assert_eq!(stores.events.get(org_id, &before.id).await, Ok(Some(before.clone())));
    assert_eq!(stores.events.get("org_system", &before.id).await, Ok(None));
    assert_eq!(stores.events.list(org_id, &PAGE).await, Ok(vec![before.clone()]));
    let after = Event { title: "Party".into(), required_roles: vec![], ..before.clone() };
    stores.leaves(1, stores.events.update(&before, &after, trail())).await;
    stores.refuses(org_id, Refusal::Conflict, stores.events.update(&before, &after, trail())).await;
    stores.refuses(org_id, Refusal::Conflict, stores.events.delete(&before, trail())).await;
    let found = stores.events.get(org_id, &before.id).await.expect("readable").expect("it exists");
    assert_eq!((&*found.title, found.required_roles.len()), ("Party", 0));
    stores.leaves(1, stores.events.delete(&found, trail())).await;
    assert_eq!(stores.events.get(org_id, &before.id).await, Ok(None));
}

pub(super) fn invitation(inviter: &Person) -> (Invitation, TokenHash) {
    let email = format!("{}@example.com", id("guest"));
    let created_at = now();
    let invitation = Invitation {
        id: id("invitation"),
        org_id: inviter.org_id.clone(),
        email_canonical: email.clone(),
        email,
        roles: vec!["usher".into()],
        status: "pending".into(),
        invited_by: inviter.id.clone(),
        created_at,
        expires_at: created_at + Duration::from_hours(1),
    };
    (invitation, OneTimeToken::generate(&OsEntropy).1)
}

/// Another one only after it was withdrawn or has ended.
pub async fn an_invitation_is_open_once_per_address(stores: &Stores) {
    let (organization, inviter) = stores.founded().await;
    let org_id = &organization.id;
    let (first, token) = invitation(&inviter);
    let mail = mail(None);
    stores.leaves(1, stores.invitations.create(&first, &token, trail(), vec![mail.clone()])).await;
    assert_eq!(stores.invitations.get(org_id, &first.id).await, Ok(Some(first.clone())));
    assert_eq!(stores.invitations.get("org_system", &first.id).await, Ok(None));
    assert_eq!(stores.invitations.list(org_id, &PAGE).await, Ok(vec![first.clone()]));
    assert_eq!(stores.invitations.by_token(&token, now()).await, Ok(Some(first.clone())));
    assert_eq!(stores.invitations.by_token(&token, first.expires_at).await, Ok(None));

    let (other, other_token) = invitation(&inviter);
    let second = Invitation { email_canonical: first.email_canonical.clone(), ..other };
    let verb = stores.invitations.create(&second, &other_token, trail(), vec![super::stores::mail(None)]);
    stores.refuses(org_id, Refusal::InvitationOpen, verb).await;
    stores.leaves(1, stores.invitations.revoke(&first, now(), trail())).await;
    let dropped = stores.outbox.find(&mail.id).await.expect("readable").expect("listed");
    assert_eq!(dropped.status, "expired", "what is withdrawn is not mailed any more");
    assert_eq!(stores.invitations.by_token(&token, now()).await, Ok(None));
    let verb = stores.invitations.revoke(&first, now(), trail());
    stores.refuses(org_id, Refusal::NotFound("invitation"), verb).await;
    stores.leaves(1, stores.invitations.create(&second, &other_token, trail(), vec![])).await;

    let (mut third, third_token) = invitation(&inviter);
    third.email_canonical = first.email_canonical;
    third.created_at = second.expires_at;
    third.expires_at = second.expires_at + Duration::from_hours(1);
    stores.leaves(1, stores.invitations.create(&third, &third_token, trail(), vec![])).await;
}

/// By the invited address, while it is pending and live; a taken address spends nothing.
pub async fn an_invitation_is_accepted_once(stores: &Stores) {
    let (organization, inviter) = stores.founded().await;
    let org_id = &organization.id;
    let (invitation, token) = invitation(&inviter);
    stores.invitations.create(&invitation, &token, trail(), vec![]).await.expect("stored");
    let mut guest = new_person(org_id, &["usher"]);
    let verb = stores.accounts.accept_invitation(&invitation.id, &guest, trail());
    stores.refuses(org_id, Refusal::TokenInvalid, verb).await;
    guest.email_canonical.clone_from(&invitation.email_canonical);
    let mut late = guest.clone();
    late.created_at = invitation.expires_at;
    let verb = stores.accounts.accept_invitation(&invitation.id, &late, trail());
    stores.refuses(org_id, Refusal::TokenInvalid, verb).await;
    stores.leaves(2, stores.accounts.accept_invitation(&invitation.id, &guest, trail_of_two())).await;
    let found = stores.invitations.get(org_id, &invitation.id).await.expect("readable").expect("it stays");
    assert_eq!(found.status, "accepted");
    assert_eq!(stores.invitations.by_token(&token, now()).await, Ok(None));

    let (again, token) = self::invitation(&inviter);
    let again = Invitation { email_canonical: invitation.email_canonical, ..again };
    stores.invitations.create(&again, &token, trail(), vec![]).await.expect("stored");
    let twin = accounts::ports::NewPerson { id: id("person"), ..guest };
    let verb = stores.accounts.accept_invitation(&again.id, &twin, trail());
    stores.refuses(org_id, Refusal::EmailTaken, verb).await;
}

/// Sixteen at once.
pub async fn one_of_many_acceptances_wins(stores: &Stores) {
    let (organization, inviter) = stores.founded().await;
    let (invitation, token) = invitation(&inviter);
    stores.invitations.create(&invitation, &token, trail(), vec![]).await.expect("stored");
    let before = stores.audit_rows().await;
    let outcomes = at_once((0..CROWD).map(|_| {
        let (store, invitation) = (stores.accounts.clone(), invitation.clone());
        async move {
            let mut guest = new_person(&invitation.org_id, &["usher"]);
            guest.email_canonical = invitation.email_canonical;
            store.accept_invitation(&invitation.id, &guest, trail()).await
        }
    }))
    .await;
    one_wins(outcomes, &Refusal::TokenInvalid);
    assert_eq!(stores.audit_rows().await, before + 1);
    assert_eq!(stores.organizations.everybody(&organization.id).await.expect("readable").len(), 2);
}

/// Sixteen at once to one address, several times, because a race needs luck.
pub async fn one_of_many_invitations_is_sent(stores: &Stores) {
    let (organization, inviter) = stores.founded().await;
    for round in 1..=16 {
        let (wanted, _) = invitation(&inviter);
        let outcomes = at_once((0..CROWD).map(|_| {
            let store = stores.invitations.clone();
            let (mut invitation, token) = invitation(&inviter);
            invitation.email_canonical.clone_from(&wanted.email_canonical);
            async move { store.create(&invitation, &token, trail(), vec![]).await }
        }))
        .await;
        one_wins(outcomes, &Refusal::InvitationOpen);
        let listed = stores.invitations.list(&organization.id, &PAGE).await.expect("readable");
        assert_eq!(listed.len(), round);
    }
}
