//! Building the events of a change, so that each use case says only what is particular to it.

use hardening::audit::{
    ANONYMOUS_PERSON, Action, AuditEvent, Changes, ERASED, Resource, SYSTEM_ORGANIZATION, Status, Trail,
};
use hardening::entropy::new_id;

use crate::context::{Principal, RequestContext};
use crate::model::Person;
use crate::ports::NewPerson;
use crate::services::Services;

/// Who stands in the row as the actor.
#[derive(Clone, Debug)]
pub struct Actor {
    org_id: String,
    person_id: String,
    email: String,
    roles: Vec<String>,
}

impl Actor {
    /// Somebody signed in.
    pub fn principal(principal: &Principal) -> Self {
        let session = &principal.session;
        Self {
            org_id: session.org_id.clone(),
            person_id: session.person_id.clone(),
            email: session.email.clone(),
            roles: session.roles.clone(),
        }
    }

    /// A known account that is not signed in (yet).
    pub fn person(person: &Person) -> Self {
        Self {
            org_id: person.org_id.clone(),
            person_id: person.id.clone(),
            email: person.email.clone().unwrap_or_default(),
            roles: person.roles.clone(),
        }
    }

    /// Somebody who is being stored just now.
    pub fn new_person(person: &NewPerson) -> Self {
        Self {
            org_id: person.org_id.clone(),
            person_id: person.id.clone(),
            email: person.email.clone(),
            roles: person.roles.clone(),
        }
    }

    /// Nobody known; `email` is what was typed.
    pub fn anonymous(email: &str) -> Self {
        Self {
            org_id: SYSTEM_ORGANIZATION.to_owned(),
            person_id: ANONYMOUS_PERSON.to_owned(),
            email: email.to_owned(),
            roles: Vec::new(),
        }
    }

    /// The server by itself, in an organization's log.
    pub fn server(org_id: &str) -> Self {
        Self { org_id: org_id.to_owned(), ..Self::anonymous("") }
    }

    /// The person, where one is known.
    pub fn person_id(&self) -> Option<&str> {
        (!self.is_anonymous()).then_some(&*self.person_id)
    }

    /// Their address, or what was typed.
    pub fn email(&self) -> &str {
        &self.email
    }

    /// Whether nobody is known behind it.
    pub fn is_anonymous(&self) -> bool {
        self.person_id == ANONYMOUS_PERSON
    }

    /// The same one without address and roles.
    #[must_use]
    pub fn by_id_only(self) -> Self {
        Self { email: String::new(), roles: Vec::new(), ..self }
    }

    /// The same one by id only, for the event of their own erasure.
    #[must_use]
    pub fn without_address(self) -> Self {
        Self { email: ERASED.to_owned(), ..self }
    }

    /// An operator at the command line, acting on an organization: `cli:<os user>`.
    pub fn operator(os_user: &str, org_id: &str) -> Self {
        Self {
            org_id: org_id.to_owned(),
            person_id: ANONYMOUS_PERSON.to_owned(),
            email: format!("cli:{os_user}"),
            roles: Vec::new(),
        }
    }
}

/// What happened; the rest comes from actor, context and clock.
#[derive(Clone, Debug)]
pub struct Happening {
    action: Action,
    resource: Resource,
    changes: Option<Changes>,
    status: Status,
    error_message: Option<String>,
}

impl Happening {
    /// Something that was done.
    pub const fn done(action: Action, resource: Resource) -> Self {
        Self { action, resource, changes: None, status: Status::Success, error_message: None }
    }

    /// Something that was refused, and why.
    pub fn refused(action: Action, resource: Resource, why: impl Into<String>) -> Self {
        Self { action, resource, changes: None, status: Status::Failure, error_message: Some(why.into()) }
    }

    /// What kind of thing it is.
    pub const fn action(&self) -> Action {
        self.action
    }

    /// What it changed.
    #[must_use]
    pub fn changing(mut self, changes: Changes) -> Self {
        self.changes = Some(changes);
        self
    }
}

impl Services {
    /// A trail of one happening.
    pub fn trail(&self, context: &RequestContext, actor: &Actor, happening: Happening) -> Trail {
        let receipt = context.receipt.clone().filter(|_| happening.status == Status::Success);
        Trail::of(self.event(context, actor, happening), &*self.entropy).with_receipt(receipt)
    }

    /// A trail of several happenings in one transaction.
    pub fn trail_and(&self, trail: Trail, context: &RequestContext, actor: &Actor, more: Happening) -> Trail {
        trail.and(self.event(context, actor, more), &*self.entropy)
    }

    fn event(&self, context: &RequestContext, actor: &Actor, happening: Happening) -> AuditEvent {
        let now = self.clock.now();
        AuditEvent {
            id: new_id("audit", now, &*self.entropy),
            timestamp: now,
            org_id: actor.org_id.clone(),
            user_id: actor.person_id.clone(),
            user_email: actor.email.clone(),
            user_roles: actor.roles.clone(),
            action: happening.action,
            resource: happening.resource,
            changes: happening.changes,
            ip_address: Some(context.ip_address.clone()).filter(|text| !text.is_empty()),
            user_agent: context.user_agent.clone(),
            request_id: Some(context.request_id.clone()).filter(|text| !text.is_empty()),
            status: happening.status,
            error_message: happening.error_message,
        }
    }
}
