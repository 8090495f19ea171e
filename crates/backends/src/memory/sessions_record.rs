//! How [`MemorySessions`](super::sessions::MemorySessions) keeps one session: 128 bytes and the e-mail address.
//!
//! * Ids are kept as the bytes they encode; text that is not their one canonical form is never an id.
//! * What many sessions have in common (organization, roles, limits; devices) is stored once: [`Commons`].

use std::collections::HashSet;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hardening::clock::Timestamp;
use hardening::session::{Assurance, ClientDescription, Session, SessionId};
use uuid::Uuid;

const PERSON_PREFIX: &str = "person_";
/// Below this many distinct values nobody looks for unused ones.
const FEW: usize = 1024;

/// A person's id; those the product makes take no allocation.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum PersonKey {
    /// `person_` and this UUID in lower case.
    Uuid(Uuid),
    /// Any other text.
    Text(Box<str>),
}

impl PersonKey {
    pub(super) fn of(person_id: &str) -> Self {
        let uuid = person_id.strip_prefix(PERSON_PREFIX).and_then(canonical_uuid);
        uuid.map_or_else(|| Self::Text(person_id.into()), Self::Uuid)
    }

    pub(super) fn to_text(&self) -> String {
        match self {
            Self::Uuid(uuid) => format!("{PERSON_PREFIX}{uuid}"),
            Self::Text(text) => text.to_string(),
        }
    }
}

fn canonical_uuid(text: &str) -> Option<Uuid> {
    let uuid = Uuid::try_parse(text).ok()?;
    let mut buffer = Uuid::encode_buffer();
    (uuid.hyphenated().encode_lower(&mut buffer) == text).then_some(uuid)
}

/// The 32 bytes of a session id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct IdBytes([u8; 32]);

impl IdBytes {
    /// `None` when the text is not the canonical form of 32 bytes: no such session was ever made.
    pub(super) fn of(id: &SessionId) -> Option<Self> {
        let random = id.as_str().strip_prefix("session_")?;
        // The decoder wants room for whole groups of three.
        let mut room = [0; 33];
        let length = URL_SAFE_NO_PAD.decode_slice(random, &mut room).ok()?;
        Some(Self(room[..length].try_into().ok()?))
    }

    /// One of so many places: the bytes are random.
    pub(super) fn choose(self, places: usize) -> usize {
        usize::from(u16::from_le_bytes([self.0[0], self.0[1]])) % places
    }

    pub(super) fn to_id(self) -> SessionId {
        SessionId::parse(&format!("session_{}", URL_SAFE_NO_PAD.encode(self.0)))
            .expect("32 encoded bytes are a session id")
    }
}

/// What the sessions of an organization's people mostly have in common.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Standing {
    org_id: String,
    roles: Vec<String>,
    credential_epoch: i64,
    idle_timeout: Duration,
}

/// What a client says of itself.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Device {
    kind: String,
    browser: String,
    os: String,
}

#[derive(Debug)]
enum Address {
    Ip(IpAddr),
    Text(Box<str>),
}

impl Address {
    fn of(text: &str) -> Self {
        match text.parse::<IpAddr>() {
            Ok(ip) if ip.to_string() == text => Self::Ip(ip),
            _ => Self::Text(text.into()),
        }
    }

    fn to_text(&self) -> String {
        match self {
            Self::Ip(ip) => ip.to_string(),
            Self::Text(text) => text.to_string(),
        }
    }
}

/// One session without its person's id.
#[derive(Debug)]
pub(super) struct CompactSession {
    pub(super) id: IdBytes,
    pub(super) created_at: Timestamp,
    pub(super) authenticated_at: Timestamp,
    pub(super) last_activity: Timestamp,
    expires_at: Timestamp,
    email: Arc<str>,
    standing: Arc<Standing>,
    device: Arc<Device>,
    address: Address,
    assurance: Assurance,
    /// Used since its last activity was last written down elsewhere.
    pub(super) touched: bool,
}

impl CompactSession {
    /// `None` when the id is not one.
    pub(super) fn pack(session: &Session, commons: &Commons) -> Option<Self> {
        let client = &session.client;
        Some(Self {
            id: IdBytes::of(&session.id)?,
            created_at: session.created_at,
            authenticated_at: session.authenticated_at,
            last_activity: session.last_activity,
            expires_at: session.expires_at,
            email: session.email.as_str().into(),
            standing: commons.standings.shared(Standing {
                org_id: session.org_id.clone(),
                roles: session.roles.clone(),
                credential_epoch: session.credential_epoch,
                idle_timeout: session.idle_timeout,
            }),
            device: commons.devices.shared(Device {
                kind: client.device_type.clone(),
                browser: client.browser.clone(),
                os: client.os.clone(),
            }),
            address: Address::of(&client.ip_address),
            assurance: session.assurance,
            touched: false,
        })
    }

    pub(super) fn unpack(&self, person_id: &str) -> Session {
        self.unpack_as(self.id.to_id(), person_id)
    }

    /// As [`CompactSession::unpack`], for a caller who has the id in its text form.
    pub(super) fn unpack_as(&self, id: SessionId, person_id: &str) -> Session {
        Session {
            id,
            person_id: person_id.to_owned(),
            org_id: self.standing.org_id.clone(),
            email: self.email.to_string(),
            roles: self.standing.roles.clone(),
            assurance: self.assurance,
            credential_epoch: self.standing.credential_epoch,
            created_at: self.created_at,
            authenticated_at: self.authenticated_at,
            last_activity: self.last_activity,
            expires_at: self.expires_at,
            idle_timeout: self.standing.idle_timeout,
            client: ClientDescription {
                device_type: self.device.kind.clone(),
                browser: self.device.browser.clone(),
                os: self.device.os.clone(),
                ip_address: self.address.to_text(),
            },
        }
    }

    /// As [`Session::is_live`].
    pub(super) fn is_live(&self, now: Timestamp) -> bool {
        let idle = self.standing.idle_timeout;
        now < self.expires_at && (idle.is_zero() || now < self.last_activity + idle)
    }

    /// Whether the unpacked session tells all of this one but its last activity.
    pub(super) fn is_told_by(&self, session: &Session) -> bool {
        let standing = &*self.standing;
        self.created_at == session.created_at
            && self.authenticated_at == session.authenticated_at
            && self.expires_at == session.expires_at
            && self.assurance == session.assurance
            && standing.credential_epoch == session.credential_epoch
            && standing.idle_timeout == session.idle_timeout
            && standing.org_id == session.org_id
            && standing.roles == session.roles
            && *self.email == *session.email
    }

    pub(super) fn credential_epoch(&self) -> i64 {
        self.standing.credential_epoch
    }

    /// Uses the allocation of another session of the same person where the address is the same.
    pub(super) fn share_email(&mut self, others: &[Self]) {
        if let Some(other) = others.iter().find(|other| other.email == self.email) {
            self.email = Arc::clone(&other.email);
        }
    }
}

/// Values that many sessions share.
#[derive(Debug, Default)]
pub(super) struct Commons {
    standings: Interner<Standing>,
    devices: Interner<Device>,
}

/// Gives equal values one allocation. Holds at most twice as many as are in use.
#[derive(Debug)]
struct Interner<T>(Mutex<Interned<T>>);

#[derive(Debug)]
struct Interned<T> {
    values: HashSet<Arc<T>>,
    clean_at: usize,
}

impl<T> Default for Interner<T> {
    fn default() -> Self {
        Self(Mutex::new(Interned { values: HashSet::new(), clean_at: FEW }))
    }
}

impl<T: Eq + Hash> Interner<T> {
    fn shared(&self, value: T) -> Arc<T> {
        let mut interned = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = interned.values.get(&value) {
            return Arc::clone(known);
        }
        if interned.values.len() >= interned.clean_at {
            interned.values.retain(|value| Arc::strong_count(value) > 1);
            interned.clean_at = FEW.max(interned.values.len() * 2);
        }
        let value = Arc::new(value);
        interned.values.insert(Arc::clone(&value));
        value
    }
}

#[cfg(test)]
mod tests {
    use hardening::entropy::OsEntropy;

    use super::*;

    fn session() -> Session {
        let start = Timestamp::from_micros(1_700_000_000_000_001);
        Session {
            id: SessionId::generate(&OsEntropy),
            person_id: "person_01890a5d-ac96-774b-bcce-b302099a8057".into(),
            org_id: "org_1".into(),
            email: "a@example.com".into(),
            roles: vec!["admin".into(), "member".into()],
            assurance: Assurance::TwoFactor,
            credential_epoch: 3,
            created_at: start,
            authenticated_at: start + Duration::from_secs(1),
            last_activity: start + Duration::from_secs(2),
            expires_at: start + Duration::from_secs(100),
            idle_timeout: Duration::from_micros(30_000_001),
            client: ClientDescription {
                device_type: "desktop".into(),
                browser: "Firefox 128".into(),
                os: "Linux".into(),
                ip_address: "2001:db8::1".into(),
            },
        }
    }

    #[test]
    fn a_session_is_small_and_comes_back_as_it_was() {
        assert!(size_of::<CompactSession>() <= 128, "{}", size_of::<CompactSession>());
        assert!(size_of::<PersonKey>() <= 24, "{}", size_of::<PersonKey>());
        let commons = Commons::default();
        for address in ["2001:db8::1", "2001:DB8::1", "192.0.2.7", "", "somewhere"] {
            let mut given = session();
            given.client.ip_address = address.into();
            let packed = CompactSession::pack(&given, &commons).expect("a real id");
            assert_eq!(packed.unpack(&given.person_id), given);
            for micros in [0, 2_000_000, 32_000_000, 32_000_001, 100_000_000] {
                let now = Timestamp::from_micros(given.created_at.micros() + micros);
                assert_eq!(packed.is_live(now), given.is_live(now), "{micros}");
            }
        }
    }

    #[test]
    fn what_is_common_is_stored_once_and_forgotten_when_unused() {
        let commons = Commons::default();
        let [one, two] = [session(), session()].map(|s| CompactSession::pack(&s, &commons).expect("an id"));
        assert!(Arc::ptr_eq(&one.standing, &two.standing) && Arc::ptr_eq(&one.device, &two.device));
        for number in 0..10 * FEW {
            let mut other = session();
            other.client.browser = format!("Browser {number}");
            drop(CompactSession::pack(&other, &commons));
        }
        let kept = commons.devices.0.lock().expect("not poisoned").values.len();
        assert!(kept <= FEW, "{kept}");
    }

    #[test]
    fn person_ids_of_any_form_come_back_as_they_were() {
        let ids = [
            "person_01890a5d-ac96-774b-bcce-b302099a8057",
            "person_01890A5D-ac96-774b-bcce-b302099a8057",
            "person_01890a5dac96774bbcceb302099a8057",
            "01890a5d-ac96-774b-bcce-b302099a8057",
            "person_7",
            "",
        ];
        for id in ids {
            assert_eq!(PersonKey::of(id).to_text(), id);
        }
        assert!(matches!(PersonKey::of(ids[0]), PersonKey::Uuid(_)));
    }

    #[test]
    fn text_that_no_bytes_encode_to_is_no_id() {
        let id = SessionId::generate(&OsEntropy);
        assert_eq!(IdBytes::of(&id).map(IdBytes::to_id), Some(id));
        let loose = SessionId::parse(&format!("session_{}B", "A".repeat(42))).expect("the form is right");
        assert_eq!(IdBytes::of(&loose), None, "its last bits encode nothing");
    }
}
