//! What operators do at the command line. Audited as `cli:<os user>`.

use hardening::audit::{Action, Changes, Resource};
use hardening::email::EmailAddress;
use hardening::entropy::new_id;
use hardening::password::normalise;
use hardening::secret::Secret;
use serde_json::json;

use crate::audit_trail::{Actor, Happening};
use crate::context::{CLI_ADDRESS, RequestContext};
use crate::credential_check::account_key;
use crate::error::{Error, Refusal};
use crate::input::Judge;
use crate::lockouts::{self, Unlocked};
use crate::model::{ADMIN, Person, PersonStatus};
use crate::ports::{NewOrganization, NewPerson};
use crate::services::Services;
use crate::sign_up::check_new_password;

/// The context of a command.
pub fn context(services: &Services) -> RequestContext {
    let id = new_id("command", services.clock.now(), &*services.entropy);
    RequestContext::new(id, CLI_ADDRESS, CLI_ADDRESS, None)
}

/// The person by address; the installation's first admin when none is named.
pub async fn find(services: &Services, email: Option<&str>) -> Result<Person, Error> {
    let found = match email {
        Some(email) => {
            let email = EmailAddress::parse(email).map_err(|e| Refusal::field("email", e.to_string()))?;
            services.people.find_by_email(&email.canonical).await?
        }
        None => services.people.first_admin().await?,
    };
    found.ok_or_else(|| Refusal::NotFound("person").into())
}

/// A new admin.
#[derive(Debug)]
pub struct NewAdmin {
    /// Name.
    pub name: String,
    /// Address.
    pub email: String,
    /// As typed.
    pub password: Secret<String>,
    /// Into an existing organization by id, or a new one by name.
    pub place: AdminPlace,
}

/// Where a new admin goes.
#[derive(Debug)]
pub enum AdminPlace {
    /// A new organization of this name.
    NewOrganization(String),
    /// An existing one, by id.
    Existing(String),
}

/// Creates an admin, with a new organization or in an existing one.
pub async fn create_admin(services: &Services, os_user: &str, input: NewAdmin) -> Result<Person, Error> {
    let mut judge = Judge::new();
    let name = judge.line("name", &input.name, 120);
    let email = judge.email("email", &input.email);
    let organization_name = match &input.place {
        AdminPlace::NewOrganization(raw) => judge.line("org_name", raw, 120),
        AdminPlace::Existing(_) => String::new(),
    };
    judge.verdict()?;
    let email = email.ok_or_else(|| Refusal::field("email", "is required"))?;
    let password = normalise(input.password.expose());
    check_new_password(services, &password, &[&email.canonical, &name, &organization_name]).await?;
    let password_hash = services.hashing.hash(password).await.map_err(|_busy| Refusal::Busy)?;
    let now = services.clock.now();
    let organization = match &input.place {
        AdminPlace::NewOrganization(_) => Some(NewOrganization {
            id: new_id("org", now, &*services.entropy),
            name: organization_name,
            created_at: now,
        }),
        AdminPlace::Existing(id) => {
            services.organizations.get(id).await?.ok_or(Refusal::NotFound("organization"))?;
            None
        }
    };
    let org_id = match (&organization, &input.place) {
        (Some(new), _) => new.id.clone(),
        (None, AdminPlace::Existing(id) | AdminPlace::NewOrganization(id)) => id.clone(),
    };
    let account_key = account_key(&email.canonical);
    let person = NewPerson {
        id: new_id("person", now, &*services.entropy),
        org_id,
        name,
        email_canonical: email.canonical.clone(),
        email: email.typed,
        password_hash,
        roles: vec![ADMIN.to_owned()],
        language: "en".to_owned(),
        lock_keys: lockouts::keys_of(&lockouts::budgets_of_account(services, &account_key)),
        account_key,
        created_at: now,
    };
    store_admin(services, os_user, organization.as_ref(), &person).await?;
    lockouts::drop_from_gate(services, &person.lock_keys, now).await?;
    find(services, Some(&email.canonical)).await
}

async fn store_admin(
    services: &Services,
    os_user: &str,
    organization: Option<&NewOrganization>,
    person: &NewPerson,
) -> Result<(), Error> {
    let context = context(services);
    let actor = Actor::operator(os_user, &person.org_id);
    let created =
        Happening::done(Action::PersonCreate, Resource::new("person", &*person.id).named(&*person.name))
            .changing(Changes::created(
                json!({ "name": person.name, "email": person.email, "roles": person.roles }),
            ));
    let trail = services.trail(&context, &actor, created);
    match organization {
        None => services.accounts.create_person(person, trail).await,
        Some(new) => {
            let resource = Resource::new("organization", &*new.id).named(&*new.name);
            let founded = Happening::done(Action::OrganizationCreate, resource)
                .changing(Changes::created(json!({ "name": new.name })));
            let trail = services.trail_and(trail, &context, &actor, founded);
            services.accounts.found_organization(new, person, trail).await
        }
    }
}

/// Opens an account again: locks for failed attempts, and an admin's lock.
pub async fn unlock(services: &Services, os_user: &str, email: Option<&str>) -> Result<Unlocked, Error> {
    let person = find(services, email).await?;
    let (context, actor) = (context(services), Actor::operator(os_user, &person.org_id));
    if person.status == PersonStatus::Locked {
        let unlocked = Happening::done(
            Action::PersonUnlocked,
            Resource::new("person", &*person.id).named(&*person.name),
        )
        .changing(Changes::new().field("status", "locked", "active"));
        let trail = services.trail(&context, &actor, unlocked);
        services.people.set_locked(&person, false, services.clock.now(), trail, Vec::new()).await?;
    }
    lockouts::lift_all(services, &context, &actor, &person, "operator").await?;
    let open_to_strangers = lockouts::open_to_strangers(services, &person).await?;
    Ok(Unlocked { person, open_to_strangers })
}

/// Ends every session of a person.
pub async fn revoke_sessions(
    services: &Services,
    os_user: &str,
    email: Option<&str>,
) -> Result<Person, Error> {
    let person = find(services, email).await?;
    let done = Happening::done(
        Action::AuthSessionRevoked,
        Resource::new("person", &*person.id).named(&*person.name),
    );
    let actor = Actor::operator(os_user, &person.org_id);
    let trail = services.trail(&context(services), &actor, done);
    services.accounts.raise_epoch(&person.id, services.clock.now(), trail).await?;
    services.sessions.end_all_of(&person.id, None).await?;
    Ok(person)
}
