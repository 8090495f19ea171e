//! What a demo starts with, made by the same use cases as real data.

use std::sync::Arc;
use std::time::Duration;

use accounts::events::{self, EventInput};
use accounts::input::Judge;
use accounts::model::RequiredRole;
use accounts::operator::{self, AdminPlace, NewAdmin};
use accounts::organizations::{self, OrganizationPatch};
use accounts::sign_in::{SignIn, sign_in};
use accounts::sign_up::{Joining, SignUp, sign_up};
use accounts::teams::{self, TeamInput};
use accounts::{Principal, Refusal, RequestContext, Services, people};
use hardening::email::EmailAddress;
use hardening::secret::Secret;

use super::logins::{Login, random_password};
use crate::cli::failure::Failure;

const ORGANIZATION: &str = "Helping Hands";
const DAY: Duration = Duration::from_hours(24);
const HOUR: Duration = Duration::from_hours(1);

/// An organization with an admin, two volunteers, teams and events; the admin's login comes first.
pub(super) async fn seed(services: &Services) -> Result<Vec<Login>, Failure> {
    let password = || random_password(&*services.entropy);
    let login = |role: &str, name: &str, email: &str| Login {
        role: role.to_owned(),
        name: name.to_owned(),
        email: email.to_owned(),
        password: password(),
    };
    let logins = vec![
        login("admin", "Alma Rivera", "alma@helping-hands.example"),
        login("volunteer, usher", "Ben Okafor", "ben@helping-hands.example"),
        login("volunteer", "Chiara Lindqvist", "chiara@helping-hands.example"),
    ];
    let [admin, volunteers @ ..] = logins.as_slice() else { return Ok(logins) };
    let input = NewAdmin {
        name: admin.name.clone(),
        email: admin.email.clone(),
        password: Secret::new(admin.password.clone()),
        place: AdminPlace::NewOrganization(ORGANIZATION.to_owned()),
    };
    let created = operator::create_admin(services, "demo", input).await?;
    let context = operator::context(services);
    let principal = signed_in(services, &context, admin).await?;
    let ids = join(services, &context, &principal, volunteers).await?;
    if let Some(usher) = ids.first() {
        let roles = ["usher".to_owned(), "volunteer".to_owned()];
        people::set_roles(services, &context, &principal, usher, &roles).await?;
    }
    add_teams(services, &context, &principal, &ids).await?;
    add_events(services, &context, &principal).await?;
    for id in ids.iter().chain([&created.id]) {
        services.sessions.end_all_of(id, None).await?;
    }
    Ok(logins)
}

async fn signed_in(
    services: &Services,
    context: &RequestContext,
    login: &Login,
) -> Result<Principal, Failure> {
    let input = SignIn {
        email: address(&login.email)?,
        password: Secret::new(login.password.clone()),
        device_tokens: Vec::new(),
    };
    // Nobody in a new organization has a second factor, or must have one.
    let opened = sign_in(services, context, input).await?.signed_in().ok_or(Refusal::Unauthenticated)?;
    Ok(Principal::new(Arc::new(opened.session)))
}

fn address(email: &str) -> Result<EmailAddress, Failure> {
    let mut judge = Judge::new();
    let email = judge.email("email", email);
    judge.verdict()?;
    email.ok_or_else(|| Refusal::field("email", "is required").into())
}

/// Opens the organization for a moment, for people to join it as they really would.
async fn join(
    services: &Services,
    context: &RequestContext,
    principal: &Principal,
    volunteers: &[Login],
) -> Result<Vec<String>, Failure> {
    let open = |open| OrganizationPatch { open_signup: Some(open), ..OrganizationPatch::default() };
    let org_id = principal.org_id();
    organizations::update(services, context, principal, org_id, open(true)).await?;
    let mut ids = Vec::new();
    for login in volunteers {
        let input = SignUp {
            name: login.name.clone(),
            email: address(&login.email)?,
            password: Secret::new(login.password.clone()),
            joining: Joining::OpenOrganization(org_id.to_owned()),
            language: "en".to_owned(),
        };
        ids.push(sign_up(services, context, input).await?.person.id);
    }
    organizations::update(services, context, principal, org_id, open(false)).await?;
    Ok(ids)
}

async fn add_teams(
    services: &Services,
    context: &RequestContext,
    principal: &Principal,
    volunteers: &[String],
) -> Result<(), Failure> {
    let teams = [
        ("Welcome desk", "Greets everybody who comes in, and knows where things are.", volunteers),
        ("Kitchen", "Cooks for up to sixty people.", volunteers.get(1..).unwrap_or_default()),
    ];
    for (name, description, members) in teams {
        let input = TeamInput { name: name.to_owned(), description: description.to_owned() };
        let team = teams::create(services, context, principal, &input).await?;
        for member in members {
            teams::add_member(services, context, principal, &team.id, member).await?;
        }
    }
    Ok(())
}

async fn add_events(
    services: &Services,
    context: &RequestContext,
    principal: &Principal,
) -> Result<(), Failure> {
    let now = services.clock.now();
    let events = [
        (
            "Food bank",
            "distribution",
            2,
            4,
            "<p>Bring <strong>gloves</strong>. Parking is behind the hall.</p>",
        ),
        ("Neighbourhood dinner", "dinner", 5, 3, "<p>Sixty guests. The kitchen opens two hours earlier.</p>"),
        ("Riverbank clean-up", "outdoors", 9, 5, "<ul><li>Boots</li><li>A bottle of water</li></ul>"),
    ];
    for (title, kind, days, hours, description) in events {
        let start = now + DAY * days;
        let input = EventInput {
            title: title.to_owned(),
            kind: kind.to_owned(),
            start,
            end: start + HOUR * hours,
            location: "Community hall, 12 Mill Lane".to_owned(),
            description: description.to_owned(),
            required_roles: vec![
                RequiredRole { role: "usher".to_owned(), count: 1 },
                RequiredRole { role: "volunteer".to_owned(), count: 4 },
            ],
        };
        events::create(services, context, principal, &input).await?;
    }
    Ok(())
}
