//! The contract of [`accounts::ports::OrganizationStore`], races included.

use accounts::error::{Error, Refusal};
use accounts::model::{OrganizationSettings, PersonStatus};

use super::groups::invitation;
use super::stores::{Stores, at_once, mail, new_person, now, one_wins, trail};

/// Runs every check.
pub async fn all(stores: &Stores) {
    settings_are_kept(stores).await;
    one_of_two_updates_wins(stores).await;
    a_closed_organization_is_gone(stores).await;
    only_a_last_admin_closes_it(stores).await;
    nobody_joins_while_it_closes(stores).await;
}

/// Written, changed, and set back to the server's.
pub async fn settings_are_kept(stores: &Stores) {
    let (before, _) = stores.founded().await;
    assert_eq!(before.settings, OrganizationSettings::default());
    let mut after = before.clone();
    after.name = "Other".into();
    after.region = Some("Madrid".into());
    after.settings = OrganizationSettings {
        open_signup: true,
        session_ttl_hours: Some(12),
        session_idle_minutes: Some(30),
        session_max_per_user: Some(2),
    };
    stores.leaves(1, stores.organizations.update(&before, &after, before.updated_at, trail())).await;
    let found = stores.organization(&before.id).await;
    assert_eq!((&found.name, &found.region, found.settings), (&after.name, &after.region, after.settings));
    let verb = stores.organizations.update(&before, &after, before.updated_at, trail());
    stores.refuses(&before.id, Refusal::Conflict, verb).await;
    stores.leaves(1, stores.organizations.update(&found, &before, now(), trail())).await;
    assert_eq!(stores.organization(&before.id).await.settings, OrganizationSettings::default());
}

/// The other one is told.
pub async fn one_of_two_updates_wins(stores: &Stores) {
    let (before, _) = stores.founded().await;
    let outcomes = at_once((0..2).map(|_| {
        let (store, before) = (stores.organizations.clone(), before.clone());
        async move { store.update(&before, &before, now(), trail()).await }
    }))
    .await;
    one_wins(outcomes, &Refusal::Conflict);
}

/// Everybody in it is anonymous, and nobody can join it.
pub async fn a_closed_organization_is_gone(stores: &Stores) {
    let (organization, founder) = stores.founded().await;
    let (untouched, stranger) = stores.founded().await;
    let org_id = &organization.id;
    let member = stores.joined(org_id, &["usher"]).await;
    assert_eq!(stores.organizations.everybody(org_id).await.expect("readable").len(), 2);
    let (invitation, token) = invitation(&founder);
    let mail = mail(None);
    stores.invitations.create(&invitation, &token, trail(), vec![mail.clone()]).await.expect("invited");
    for others in [vec![], vec![founder.id.clone()], vec![founder.id.clone(), stranger.id.clone()]] {
        let verb = stores.organizations.delete(org_id, &others, now(), trail());
        stores.refuses(org_id, Refusal::Conflict, verb).await;
    }
    let members = [founder.id.clone(), member.id.clone()];
    stores.leaves(1, stores.organizations.delete(org_id, &members, now(), trail())).await;
    let found = stores.invitations.get(org_id, &invitation.id).await.expect("readable").expect("it stays");
    assert_eq!(
        (&*found.email, &*found.email_canonical, &*found.status),
        ("[DELETED]", "[DELETED]", "revoked")
    );
    let dropped = stores.outbox.find(&mail.id).await.expect("readable").expect("listed");
    assert_eq!(dropped.status, "expired");
    assert_eq!(stores.organizations.get(org_id).await, Ok(None));
    assert_eq!(stores.organizations.everybody(org_id).await, Ok(vec![]));
    for person in [&founder, &member] {
        let row = stores.accounts.credentials_of(&person.id).await.expect("readable").expect("it stays");
        assert_eq!((&*row.person.name, row.person.email.as_ref()), ("Deleted person", None));
        assert_eq!((row.person.status, row.password_hash.as_ref()), (PersonStatus::Deleted, None));
        assert_eq!((row.credential_epoch, row.organization_active), (1, false));
    }
    assert_eq!(stores.person(&untouched.id, &stranger.id).await, stranger);
    let verb = stores.organizations.delete(org_id, &[], now(), trail());
    stores.refuses(org_id, Refusal::NotFound("organization"), verb).await;
    let verb = async { stores.accounts.create_person(&new_person(org_id, &["admin"]), trail()).await };
    stores.refuses(org_id, Refusal::NotFound("organization"), verb).await;
}

/// Decided inside the transaction, whatever was seen before.
pub async fn only_a_last_admin_closes_it(stores: &Stores) {
    let (organization, _) = stores.founded().await;
    stores.joined(&organization.id, &["admin"]).await;
    let verb = stores.organizations.delete(&organization.id, &[], now(), trail());
    stores.refuses(&organization.id, Refusal::OtherAdmins, verb).await;
}

/// Whoever comes first: afterwards nobody is left in a closed organization.
pub async fn nobody_joins_while_it_closes(stores: &Stores) {
    for _ in 0..8 {
        let (organization, founder) = stores.founded().await;
        let (accounts, organizations) = (stores.accounts.clone(), stores.organizations.clone());
        let person = new_person(&organization.id, &["volunteer"]);
        let (alone, both) = (vec![founder.id.clone()], vec![founder.id, person.id.clone()]);
        let joining = tokio::spawn(async move { accounts.create_person(&person, trail()).await });
        let id = organization.id.clone();
        let closing = tokio::spawn(async move {
            match organizations.delete(&id, &alone, now(), trail()).await {
                Err(Error::Refused(Refusal::Conflict)) => {
                    organizations.delete(&id, &both, now(), trail()).await
                }
                outcome => outcome,
            }
        });
        closing.await.expect("no panic").expect("closed");
        let _ = joining.await.expect("no panic");
        assert_eq!(stores.organizations.everybody(&organization.id).await, Ok(vec![]));
    }
}
