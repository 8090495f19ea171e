//! What the measured sessions look like: as those of the product, with ids of its form.

use std::time::Duration;

use hardening::clock::Timestamp;
use hardening::entropy::OsEntropy;
use hardening::session::{Assurance, ClientDescription, Session, SessionId};

/// How long they live.
pub const TTL: Duration = Duration::from_hours(24);

/// A fresh session of this person.
pub fn session(person: &str, at: Timestamp) -> Session {
    Session {
        id: SessionId::generate(&OsEntropy),
        person_id: person.to_owned(),
        org_id: "org_01987654-3210-7000-8000-000000000001".to_owned(),
        email: email_of(person),
        roles: vec!["volunteer".to_owned()],
        assurance: Assurance::Password,
        credential_epoch: 0,
        created_at: at,
        authenticated_at: at,
        last_activity: at,
        expires_at: at + TTL,
        idle_timeout: Duration::from_hours(8),
        client: ClientDescription {
            device_type: "mobile".to_owned(),
            browser: "Firefox 140".to_owned(),
            os: "Android 15".to_owned(),
            ip_address: "203.0.113.7".to_owned(),
        },
    }
}

/// An address of usual length, 27 characters, for each of the people here.
fn email_of(person: &str) -> String {
    let number = person.rsplit('-').next().unwrap_or(person);
    format!("{number:>15}@example.org").replace(' ', "x")
}

/// The id of a person, one for each number.
pub fn person(number: usize) -> String {
    format!("person_01987654-3210-7000-8000-{number:012x}")
}
