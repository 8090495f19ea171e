//! What the suites of the storage ports share: the ports, people to work with, and the watch that a refusal
//! changes nothing and a success leaves exactly its audit rows. It counts all rows there are: each suite
//! needs a storage that nobody else uses meanwhile.

use std::fmt::Debug;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use accounts::error::{Error, Refusal};
use accounts::model::{Organization, Page, Person};
use accounts::outbox::{Content, Mail};
use accounts::ports::{
    AccountStore, AuditFilter, AuditLog, EventStore, InvitationStore, NewOrganization, NewPerson,
    OneTimeGrant, OrganizationStore, Outbox, PasswordResetStore, PeopleStore, TeamStore,
    TwoFactorPolicyStore, TwoFactorStore,
};
use hardening::audit::{
    ANONYMOUS_PERSON, Action, AuditEvent, Changes, Resource, SYSTEM_ORGANIZATION, Status, Trail,
};
use hardening::clock::{Clock as _, SystemClock, Timestamp};
use hardening::entropy::{OsEntropy, new_id, random_token};
use hardening::one_time_token::{OneTimeToken, Purpose, TokenHash};

/// How many come at once in a race.
pub const CROWD: usize = 16;

/// The ports of one store.
#[derive(Clone)]
#[expect(missing_docs, reason = "the fields are the ports of the same name")]
pub struct Stores {
    pub accounts: Arc<dyn AccountStore>,
    pub password_resets: Arc<dyn PasswordResetStore>,
    pub people: Arc<dyn PeopleStore>,
    pub organizations: Arc<dyn OrganizationStore>,
    pub teams: Arc<dyn TeamStore>,
    pub events: Arc<dyn EventStore>,
    pub invitations: Arc<dyn InvitationStore>,
    pub audit: Arc<dyn AuditLog>,
    pub outbox: Arc<dyn Outbox>,
    pub two_factor: Arc<dyn TwoFactorStore>,
    pub two_factor_policies: Arc<dyn TwoFactorPolicyStore>,
}

impl Stores {
    /// One store that implements every port.
    pub fn of<S>(store: &Arc<S>) -> Self
    where
        S: AccountStore
            + PasswordResetStore
            + PeopleStore
            + OrganizationStore
            + TeamStore
            + EventStore
            + InvitationStore
            + AuditLog
            + Outbox
            + TwoFactorStore
            + TwoFactorPolicyStore
            + 'static,
    {
        Self {
            accounts: store.clone(),
            password_resets: store.clone(),
            people: store.clone(),
            organizations: store.clone(),
            teams: store.clone(),
            events: store.clone(),
            invitations: store.clone(),
            audit: store.clone(),
            outbox: store.clone(),
            two_factor: store.clone(),
            two_factor_policies: store.clone(),
        }
    }

    /// A new organization with its only admin.
    pub async fn founded(&self) -> (Organization, Person) {
        let organization = new_organization();
        let founder = new_person(&organization.id, &["admin"]);
        self.accounts.found_organization(&organization, &founder, trail()).await.expect("a new address");
        (self.organization(&organization.id).await, self.person(&founder.org_id, &founder.id).await)
    }

    /// One more person.
    pub async fn joined(&self, org_id: &str, roles: &[&str]) -> Person {
        let person = new_person(org_id, roles);
        self.accounts.create_person(&person, trail()).await.expect("a new address");
        self.person(org_id, &person.id).await
    }

    /// An organization that exists.
    pub async fn organization(&self, org_id: &str) -> Organization {
        self.organizations.get(org_id).await.expect("readable").expect("it exists")
    }

    /// A person who exists.
    pub async fn person(&self, org_id: &str, person_id: &str) -> Person {
        self.people.get(org_id, person_id).await.expect("readable").expect("the person exists")
    }

    /// The epochs of an account: credential, device.
    pub async fn epochs(&self, person_id: &str) -> (i64, i64) {
        let known = self.accounts.credentials_of(person_id).await.expect("readable").expect("it exists");
        (known.credential_epoch, known.device_epoch)
    }

    /// A stored link of this purpose.
    pub async fn granted(&self, person: &Person, purpose: Purpose) -> TokenHash {
        let grant = grant(person, purpose);
        let change = accounts::ports::FailedSignIn {
            person_id: Some(person.id.clone()),
            account_key: None,
            locks: Vec::new(),
            unlock_grant: Some(grant.clone()),
            raise_epoch: false,
            at: now(),
        };
        self.accounts.record_failed_sign_in(change, trail(), Vec::new()).await.expect("stored");
        grant.hash
    }

    /// How many audit rows there are.
    pub async fn audit_rows(&self) -> u32 {
        self.audit.count_up_to(&AuditFilter::default(), 1_000_000).await.expect("readable")
    }

    /// Everything the ports show of an organization.
    async fn picture(&self, org_id: &str) -> Vec<String> {
        let everything = Page { limit: 1000, after: None };
        let everybody = self.organizations.everybody(org_id).await.expect("readable");
        let mut seen = vec![
            shown(&self.organizations.get(org_id).await),
            shown(&self.teams.list(org_id, &everything).await),
            shown(&self.events.list(org_id, &everything).await),
            shown(&self.invitations.list(org_id, &everything).await),
            shown(&self.outbox.list(1000).await),
            shown(&self.two_factor_policies.policy_of(org_id).await),
            shown(&self.audit_rows().await),
        ];
        for person in &everybody {
            seen.push(shown(&self.accounts.credentials_of(&person.id).await));
            seen.push(shown(&self.accounts.lock_keys_of(&person.id).await));
            seen.push(shown(&self.two_factor.state_of(&person.id).await));
            seen.push(shown(&self.two_factor.enrolment_of(&person.id, Timestamp::EPOCH).await));
        }
        seen
    }

    /// Runs a verb that must be refused, and must leave nothing behind.
    pub async fn refuses<T: Debug>(
        &self,
        org_id: &str,
        refusal: Refusal,
        verb: impl Future<Output = Result<T, Error>>,
    ) {
        let before = self.picture(org_id).await;
        match verb.await {
            Err(Error::Refused(given)) => assert_eq!(given, refusal),
            other => panic!("expected {refusal:?}, got {other:?}"),
        }
        assert_eq!(self.picture(org_id).await, before, "{refusal:?} left something behind");
    }

    /// Runs a verb that must succeed and leave exactly this many audit rows.
    pub async fn leaves<T>(&self, audit_rows: u32, verb: impl Future<Output = Result<T, Error>>) -> T {
        let before = self.audit_rows().await;
        let outcome = verb.await.unwrap_or_else(|error| panic!("it must succeed: {error:?}"));
        assert_eq!(self.audit_rows().await - before, audit_rows, "audit rows");
        outcome
    }
}

fn shown(value: &impl Debug) -> String {
    format!("{value:?}")
}

/// Runs as many at once as there are attempts; returns the outcomes.
pub async fn at_once<T, F>(attempts: impl IntoIterator<Item = F>) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let tasks: Vec<_> = attempts.into_iter().map(tokio::spawn).collect();
    let mut outcomes = Vec::with_capacity(tasks.len());
    for task in tasks {
        outcomes.push(task.await.expect("no panic"));
    }
    outcomes
}

/// Asserts that one succeeded and all others were refused in this way.
pub fn one_wins<T: Debug>(outcomes: Vec<Result<T, Error>>, refusal: &Refusal) {
    let mut won = 0;
    for outcome in outcomes {
        match outcome {
            Ok(_) => won += 1,
            Err(Error::Refused(given)) => assert_eq!(given, *refusal),
            Err(fault) => panic!("{fault:?}"),
        }
    }
    assert_eq!(won, 1, "exactly one wins");
}

/// The present.
pub fn now() -> Timestamp {
    SystemClock.now()
}

/// In an hour.
pub fn in_an_hour() -> Timestamp {
    now() + Duration::from_hours(1)
}

/// A new id.
pub fn id(prefix: &str) -> String {
    new_id(prefix, now(), &OsEntropy)
}

/// An organization that is not stored yet.
pub fn new_organization() -> NewOrganization {
    NewOrganization { id: id("org"), name: "Acme".to_owned(), created_at: now() }
}

/// A person who is not stored yet, with an address nobody has.
pub fn new_person(org_id: &str, roles: &[&str]) -> NewPerson {
    let (account_key, id) = (id("account"), id("person"));
    NewPerson {
        org_id: org_id.to_owned(),
        name: "Ann".to_owned(),
        email: format!("{id}@Example.com"),
        email_canonical: format!("{id}@example.com"),
        password_hash: "$hash".to_owned(),
        roles: roles.iter().map(|role| (*role).to_owned()).collect(),
        language: "en".to_owned(),
        account_key,
        lock_keys: Vec::new(),
        created_at: now(),
        id,
    }
}

/// An unlock or "this wasn't me" link for an hour.
pub fn grant(person: &Person, purpose: Purpose) -> OneTimeGrant {
    let (_, hash) = OneTimeToken::generate(&OsEntropy);
    OneTimeGrant { hash, purpose, person_id: person.id.clone(), created_at: now(), expires_at: in_an_hour() }
}

/// A mail about a person's account.
pub fn mail(person_id: Option<&str>) -> Mail {
    Mail {
        id: id("mail"),
        person_id: person_id.map(str::to_owned),
        recipient: "ann@example.com".to_owned(),
        language: "en".to_owned(),
        content: Content::AccountLocked {
            unlock_token: random_token(&OsEntropy).expose().clone(),
            locked_for_seconds: 900,
            known_device: false,
            ip_address: "192.0.2.1".to_owned(),
        },
        expires_at: in_an_hour(),
        link_expires_at: None,
        created_at: now(),
    }
}

/// An event that anybody could have caused.
pub fn event(action: Action) -> AuditEvent {
    AuditEvent {
        id: id("audit"),
        timestamp: now(),
        org_id: SYSTEM_ORGANIZATION.to_owned(),
        user_id: ANONYMOUS_PERSON.to_owned(),
        user_email: "ann@example.com".to_owned(),
        user_roles: vec!["admin".to_owned()],
        action,
        resource: Resource::new("person", "person_x").named("Ann"),
        changes: Some(Changes::new().field("name", "a", "b")),
        ip_address: Some("192.0.2.1".to_owned()),
        user_agent: Some("test".to_owned()),
        request_id: Some("request".to_owned()),
        status: Status::Success,
        error_message: None,
    }
}

/// A trail of one event.
pub fn trail() -> Trail {
    Trail::of(event(Action::PersonUpdate), &OsEntropy)
}

/// A trail of two events.
pub fn trail_of_two() -> Trail {
    trail().and(event(Action::AuthAccountLocked), &OsEntropy)
}
