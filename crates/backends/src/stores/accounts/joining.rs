//! New people: founding, joining, accepting an invitation, made by an operator.

use accounts::error::Error;
use accounts::ports::{NewOrganization, NewPerson};
use hardening::audit::Trail;

use super::locks;
use crate::sql::{Sql, Unit};
use crate::stores::refusals::{NO_ORGANIZATION, SIGNUP_CLOSED, TOKEN_INVALID};
use crate::stores::texts::texts;
use crate::stores::{SqlStore, json_list};

texts! {
    run INSERT_ORGANIZATION = Sql::same(
        "INSERT INTO organizations (id, name, status, created_at, updated_at) VALUES ($1, $2, 'active', $3, $3)",
    );
    run INSERT_PERSON = Sql::same(
        "INSERT INTO people (id, org_id, name, email, password_hash, roles, language, status, created_at, \
         updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, 'active', $8, $8)",
    );
    run INSERT_EMAIL = Sql::same("INSERT INTO person_emails (canonical, person_id) VALUES ($1, $2)");
    guard LOCK_ACTIVE_ORGANIZATION = Sql::same(
        "UPDATE organizations SET updated_at = updated_at WHERE id = $1 AND status = 'active'",
    );
    guard LOCK_OPEN_ORGANIZATION = Sql::same(
        "UPDATE organizations SET updated_at = updated_at WHERE id = $1 AND status = 'active' AND EXISTS \
         (SELECT 1 FROM organization_settings g WHERE g.org_id = $1 AND g.open_signup)",
    );
    guard SPEND_INVITATION = Sql::same(
        "UPDATE invitations SET status = 'accepted', updated_at = $4 WHERE id = $1 AND org_id = $2 \
         AND email_canonical = $3 AND status = 'pending' AND expires_at > $4",
    );
    run NAME_ACCEPTOR = Sql::same("UPDATE invitations SET accepted_by = $2 WHERE id = $1");
}

fn insert(unit: &mut Unit, person: &NewPerson) {
    unit.run(
        INSERT_PERSON,
        vec![
            (&person.id).into(),
            (&person.org_id).into(),
            (&person.name).into(),
            (&person.email).into(),
            (&person.password_hash).into(),
            json_list(&person.roles),
            (&person.language).into(),
            person.created_at.into(),
        ],
    );
    unit.run(INSERT_EMAIL, vec![(&person.email_canonical).into(), (&person.id).into()]);
    locks::forget_strangers(unit, &person.account_key, &person.lock_keys, person.created_at);
}

pub(super) async fn found(
    store: &SqlStore,
    organization: &NewOrganization,
    founder: &NewPerson,
    trail: Trail,
) -> Result<(), Error> {
    let mut unit = store.unit(trail);
    unit.run(
        INSERT_ORGANIZATION,
        vec![(&organization.id).into(), (&organization.name).into(), organization.created_at.into()],
    );
    insert(&mut unit, founder);
    store.store(unit).await.map(|_| ())
}

pub(super) async fn join_open(store: &SqlStore, person: &NewPerson, trail: Trail) -> Result<(), Error> {
    let mut unit = store.unit(trail);
    unit.guarded(LOCK_OPEN_ORGANIZATION, vec![(&person.org_id).into()], SIGNUP_CLOSED);
    insert(&mut unit, person);
    store.store(unit).await.map(|_| ())
}

/// Of several who come with the same invitation, the first spends it before anybody's address is looked at.
pub(super) async fn accept(
    store: &SqlStore,
    invitation_id: &str,
    person: &NewPerson,
    trail: Trail,
) -> Result<(), Error> {
    let mut unit = store.unit(trail);
    unit.guarded(LOCK_ACTIVE_ORGANIZATION, vec![(&person.org_id).into()], TOKEN_INVALID);
    unit.guarded(
        SPEND_INVITATION,
        vec![
            invitation_id.into(),
            (&person.org_id).into(),
            (&person.email_canonical).into(),
            person.created_at.into(),
        ],
        TOKEN_INVALID,
    );
    insert(&mut unit, person);
    unit.run(NAME_ACCEPTOR, vec![invitation_id.into(), (&person.id).into()]);
    store.store(unit).await.map(|_| ())
}

pub(super) async fn create(store: &SqlStore, person: &NewPerson, trail: Trail) -> Result<(), Error> {
    let mut unit = store.unit(trail);
    unit.guarded(LOCK_ACTIVE_ORGANIZATION, vec![(&person.org_id).into()], NO_ORGANIZATION);
    insert(&mut unit, person);
    store.store(unit).await.map(|_| ())
}
