//! Signing up: with a new organization, into one with open signup, or by invitation.

use hardening::audit::{Action, Changes, Resource};
use hardening::email::EmailAddress;
use hardening::entropy::new_id;
use hardening::one_time_token::TokenHash;
use hardening::password::normalise;
use hardening::rate_limit::{Count, Per};
use hardening::secret::Secret;
use hardening::session::Assurance;
use serde_json::json;

use crate::audit_trail::{Actor, Happening};
use crate::context::RequestContext;
use crate::credential_check::{Counted, account_key, budgets, open_gate, settle};
use crate::error::{Error, Refusal};
use crate::lockouts::{budgets_of_account, drop_from_gate, keys_of};
use crate::model::{ADMIN, Credentials, Invitation, VOLUNTEER};
use crate::new_locks;
use crate::ports::{NewOrganization, NewPerson, SuccessfulSignIn};
use crate::services::Services;
use crate::sign_in::{SignedIn, open_session, record_sign_in};

/// The route whose limits apply.
pub const SIGNUP_ROUTE: &str = "/api/auth/signup";

/// Into what somebody signs up.
#[derive(Debug)]
pub enum Joining {
    /// A new organization of this name; the person becomes its only admin.
    NewOrganization(String),
    /// An organization with open signup, as volunteer.
    OpenOrganization(String),
    /// With the invited roles; the invited address only.
    Invitation(Secret<String>),
}

/// What is typed.
#[derive(Debug)]
pub struct SignUp {
    /// Checked name.
    pub name: String,
    /// Checked address.
    pub email: EmailAddress,
    /// As typed.
    pub password: Secret<String>,
    /// Into what.
    pub joining: Joining,
    /// BCP 47 tag for mails.
    pub language: String,
}

/// What the invitation or the organization decides.
enum Place {
    Founding(NewOrganization),
    Open(String),
    Invited(Invitation),
}

impl Place {
    fn org_id(&self) -> &str {
        match self {
            Self::Founding(organization) => &organization.id,
            Self::Open(org_id) => org_id,
            Self::Invited(invitation) => &invitation.org_id,
        }
    }

    fn roles(&self) -> Vec<String> {
        match self {
            Self::Founding(_) => vec![ADMIN.to_owned()],
            Self::Open(_) => vec![VOLUNTEER.to_owned()],
            Self::Invited(invitation) => invitation.roles.clone(),
        }
    }
}

/// Signs up and in.
pub async fn sign_up(
    services: &Services,
    context: &RequestContext,
    input: SignUp,
) -> Result<SignedIn, Error> {
    let by_invitation = matches!(input.joining, Joining::Invitation(_));
    let counted = [Counted { per: Per::Ip, identifier: &context.address_bucket }];
    let mut wanted = budgets(services, SIGNUP_ROUTE, &counted);
    wanted.retain(|budget| !(by_invitation && budget.counts == Count::Successes));
    let actor = Actor::anonymous(&input.email.typed);
    let reservation = open_gate(services, context, &actor, wanted).await?;
    let outcome = store_person(services, context, &input).await;
    let settled = settle(context, reservation, outcome.is_ok()).await?;
    new_locks::record(services, context, &actor, "signups", settled.locked).await?;
    let person = outcome?;
    // What strangers did at an address that nobody had is no fault of its owner.
    drop_from_gate(services, &person.lock_keys, services.clock.now()).await?;

    let known = services
        .accounts
        .credentials_of(&person.id)
        .await?
        .ok_or_else(|| hardening::fault::Fault::internal("a person stored a moment ago is gone"))?;
    let opened = open_session(services, context, &known, None, Assurance::Password).await?;
    let change = SuccessfulSignIn {
        person_id: person.id,
        credential_epoch: known.credential_epoch,
        upgraded_hash: None,
        forgives_account_key: None,
        displaced: opened.displaced_until(),
        not_me_grant: None,
        at: services.clock.now(),
    };
    let Credentials { person, .. } = known;
    record_sign_in(services, context, change, opened, person, Vec::new()).await
}

async fn store_person(
    services: &Services,
    context: &RequestContext,
    input: &SignUp,
) -> Result<NewPerson, Error> {
    let place = find_place(services, input).await?;
    let organization_name = match &input.joining {
        Joining::NewOrganization(name) => name.clone(),
        _ => services.organizations.get(place.org_id()).await?.map(|org| org.name).unwrap_or_default(),
    };
    let password = normalise(input.password.expose());
    check_new_password(services, &password, &[&input.email.canonical, &input.name, &organization_name])
        .await?;
    let password_hash = services.hashing.hash(password).await.map_err(|_busy| Refusal::Busy)?;
    let now = services.clock.now();
    let account_key = account_key(&input.email.canonical);
    let person = NewPerson {
        id: new_id("person", now, &*services.entropy),
        org_id: place.org_id().to_owned(),
        name: input.name.clone(),
        email: input.email.typed.clone(),
        email_canonical: input.email.canonical.clone(),
        password_hash,
        roles: place.roles(),
        language: input.language.clone(),
        lock_keys: keys_of(&budgets_of_account(services, &account_key)),
        account_key,
        created_at: now,
    };
    store(services, context, &place, &person).await?;
    Ok(person)
}

async fn find_place(services: &Services, input: &SignUp) -> Result<Place, Error> {
    let now = services.clock.now();
    match &input.joining {
        Joining::NewOrganization(name) => Ok(Place::Founding(NewOrganization {
            id: new_id("org", now, &*services.entropy),
            name: name.clone(),
            created_at: now,
        })),
        Joining::OpenOrganization(org_id) => {
            let open = services.organizations.get(org_id).await?.is_some_and(|org| org.settings.open_signup);
            // A closed and a missing organization look the same.
            if open { Ok(Place::Open(org_id.clone())) } else { Err(Refusal::SignupClosed.into()) }
        }
        Joining::Invitation(token) => {
            let hash = TokenHash::of(token.expose()).ok_or(Refusal::TokenInvalid)?;
            let invitation = services.invitations.by_token(&hash, now).await?.ok_or(Refusal::TokenInvalid)?;
            if invitation.email_canonical != input.email.canonical {
                return Err(Refusal::InvitationForOther.into());
            }
            Ok(Place::Invited(invitation))
        }
    }
}

/// Judges a new password off the async threads.
pub(crate) async fn check_new_password(
    services: &Services,
    password: &Secret<String>,
    about: &[&str],
) -> Result<(), Error> {
    let about = about.iter().map(|text| (*text).to_owned()).collect();
    let verdict = services
        .hashing
        .check_policy(services.password_policy.clone(), password.clone(), about)
        .await
        .map_err(|_busy| Refusal::Busy)?;
    verdict.map_err(|refusal| Refusal::field("password", refusal.to_string()).into())
}

async fn store(
    services: &Services,
    context: &RequestContext,
    place: &Place,
    person: &NewPerson,
) -> Result<(), Error> {
    let actor = Actor::new_person(person);
    let created = Happening::done(
        Action::PersonCreate,
        Resource::new("person", &*person.id).named(&*person.name),
    )
    .changing(Changes::created(json!({
        "name": person.name, "email": person.email, "roles": person.roles, "language": person.language,
    })));
    match place {
        Place::Founding(organization) => {
            let founded = Happening::done(
                Action::OrganizationCreate,
                Resource::new("organization", &*organization.id).named(&*organization.name),
            )
            .changing(Changes::created(json!({ "name": organization.name })));
            let trail = services.trail(context, &actor, founded);
            let trail = services.trail_and(trail, context, &actor, created);
            services.accounts.found_organization(organization, person, trail).await
        }
        Place::Open(_) => {
            let trail = services.trail(context, &actor, created);
            services.accounts.join_open_organization(person, trail).await
        }
        Place::Invited(invitation) => {
            let accepted =
                Happening::done(Action::InvitationAccepted, Resource::new("invitation", &*invitation.id))
                    .changing(Changes::new().field("status", "pending", "accepted"));
            let trail = services.trail(context, &actor, created);
            let trail = services.trail_and(trail, context, &actor, accepted);
            services.accounts.accept_invitation(&invitation.id, person, trail).await
        }
    }
}
