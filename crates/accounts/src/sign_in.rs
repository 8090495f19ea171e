//! Signing in with e-mail address and password, up to the second factor where there is one.
//!
//! * Unknown and known addresses take the same path and the same work.
//! * A valid known-device token gives its own budget of failures: strangers cannot lock the owner out.
//! * A password that is right for an account that may not sign in (locked by an admin, deleted, inactive
//!   organization) is answered, and counted, as a wrong one.

use hardening::audit::{Action, Changes, Resource};
use hardening::clock::Timestamp;
use hardening::device::DeviceClaims;
use hardening::email::EmailAddress;
use hardening::entropy::random_token;
use hardening::lockout::Budget;
use hardening::password::{Verdict, normalise};
use hardening::rate_limit::Per;
use hardening::secret::Secret;
use hardening::session::{Assurance, Session, SessionId};
use serde_json::json;

use crate::audit_trail::{Actor, Happening};
use crate::context::RequestContext;
use crate::credential_check::{
    Counted, LOGIN_ROUTE, account_key, budgets, open_gate, refuse_for_good, settle,
};
use crate::error::{Error, Refusal};
use crate::failed_sign_in::record_failure;
use crate::lockouts::key_of;
use crate::model::{Credentials, Person, PersonStatus};
use crate::new_device;
use crate::outbox::Mail;
use crate::ports::{StepPurpose, SuccessfulSignIn};
use crate::services::Services;
use crate::two_factor::sign_in_step;

/// What is typed, and the device token the client kept.
#[derive(Debug)]
pub struct SignIn {
    /// E-mail address.
    pub email: EmailAddress,
    /// As typed.
    pub password: Secret<String>,
    /// From earlier sign-ins; the first that is good for this account counts.
    pub device_tokens: Vec<Secret<String>>,
}

/// A new session.
#[derive(Debug)]
pub struct SignedIn {
    /// The session; its bearer token is the transport's business.
    pub session: Session,
    /// Whose it is.
    pub person: Person,
    /// Marks this device as known from now on.
    pub device_token: Secret<String>,
}

/// What a right password leads to.
#[derive(Debug)]
pub enum Outcome {
    /// A session.
    SignedIn(Box<SignedIn>),
    /// A code is needed; with the temporary token that takes it.
    SecondFactorNeeded(Secret<String>),
    /// The organization asks for a second factor, and there is none; with the temporary token to set one up.
    SetUpNeeded(Secret<String>),
}

impl Outcome {
    /// The session, if there is one already.
    pub fn signed_in(self) -> Option<SignedIn> {
        match self {
            Self::SignedIn(signed_in) => Some(*signed_in),
            Self::SecondFactorNeeded(_) | Self::SetUpNeeded(_) => None,
        }
    }
}

/// Where an attempt comes from, for counting.
pub(crate) struct Source {
    pub(crate) account_key: String,
    pub(crate) device: Option<DeviceClaims>,
}

impl Source {
    fn budgets(&self, services: &Services, context: &RequestContext) -> Vec<Budget> {
        let ip = Counted { per: Per::Ip, identifier: &context.address_bucket };
        match &self.device {
            Some(device) => {
                let id = format!("{}:{}", self.account_key, device.device_id);
                budgets(services, LOGIN_ROUTE, &[Counted { per: Per::Device, identifier: &id }, ip])
            }
            None => budgets(
                services,
                LOGIN_ROUTE,
                &[Counted { per: Per::Account, identifier: &self.account_key }, ip],
            ),
        }
    }
}

/// Checks the password; a second factor, where there is one or must be, is a step of its own.
pub async fn sign_in(services: &Services, context: &RequestContext, input: SignIn) -> Result<Outcome, Error> {
    let credentials = services.accounts.credentials_by_email(&input.email.canonical).await?;
    let source = Source {
        account_key: account_key(&input.email.canonical),
        device: known_device(services, credentials.as_ref(), &input.device_tokens),
    };
    let actor = credentials
        .as_ref()
        .map_or_else(|| Actor::anonymous(&input.email.typed), |known| Actor::person(&known.person));
    let wanted = source.budgets(services, context);
    refuse_if_locked_for_good(services, context, &actor, &source, &wanted).await?;
    let reservation = open_gate(services, context, &actor, wanted).await?;

    let stored = credentials.as_ref().and_then(|known| known.password_hash.clone());
    let password = normalise(input.password.expose());
    let verdict = match services.hashing.verify(&reservation, password.clone(), stored).await {
        Ok(verdict) => verdict,
        Err(_busy) => {
            reservation.withdrawn().await;
            return Err(Refusal::Busy.into());
        }
    };
    let admitted = credentials.filter(|known| verdict != Verdict::Mismatch && may_sign_in(known));
    if let Some(known) = admitted {
        settle(context, reservation, true).await?;
        let upgrade = (verdict == Verdict::MatchOutdated).then_some(password);
        return admit(services, context, known, &source, upgrade).await;
    }
    let settled = settle(context, reservation, false).await?;
    let known = services.accounts.credentials_by_email(&input.email.canonical).await?;
    let person = known.as_ref().map(|credentials| &credentials.person);
    record_failure(services, context, &actor, person, &input.email, &source, settled).await?;
    Err(Refusal::InvalidCredentials.into())
}

pub(crate) fn may_sign_in(known: &Credentials) -> bool {
    known.person.status == PersonStatus::Active && known.organization_active
}

fn known_device(
    services: &Services,
    credentials: Option<&Credentials>,
    tokens: &[Secret<String>],
) -> Option<DeviceClaims> {
    let (known, now) = (credentials?, services.clock.now());
    let mut verified = tokens.iter().filter_map(|token| services.device_keys.verify(token.expose(), now));
    verified.find(|claims| claims.person_id == known.person.id && claims.device_epoch == known.device_epoch)
}

async fn refuse_if_locked_for_good(
    services: &Services,
    context: &RequestContext,
    actor: &Actor,
    source: &Source,
    wanted: &[Budget],
) -> Result<(), Error> {
    let Some(budget) = wanted.iter().find(|budget| budget.scope == Per::Account) else { return Ok(()) };
    let failures = services.accounts.consecutive_failures(&source.account_key).await?;
    if failures >= services.settings.consecutive_failures_max {
        return Err(refuse_for_good(services, context, actor, budget).await);
    }
    Ok(())
}

async fn admit(
    services: &Services,
    context: &RequestContext,
    known: Credentials,
    source: &Source,
    upgrade: Option<Secret<String>>,
) -> Result<Outcome, Error> {
    let upgraded_hash = match upgrade {
        // A full queue must not refuse a sign-in that was already judged; the next one upgrades.
        Some(password) => services.hashing.hash(password).await.ok(),
        None => None,
    };
    let device_id = source.device.as_ref().map(|device| device.device_id.clone());
    let policy = services.policies.of(&known.person.org_id).unwrap_or_default();
    if known.person.two_factor_enabled {
        let begun = sign_in_step::begin(services, &known, StepPurpose::Verify, device_id, upgraded_hash);
        return begun.await.map(Outcome::SecondFactorNeeded);
    }
    if policy.demands(&known.person.roles, services.clock.now()) {
        let begun = sign_in_step::begin(services, &known, StepPurpose::SetUp, device_id, upgraded_hash);
        return begun.await.map(Outcome::SetUpNeeded);
    }
    // On the heap: the two steps together make a large future.
    let completed =
        Box::pin(complete(services, context, known, device_id, Assurance::Password, upgraded_hash));
    Ok(Outcome::SignedIn(Box::new(completed.await?)))
}

/// Opens the session of somebody who gave everything that is asked for.
pub(crate) async fn complete(
    services: &Services,
    context: &RequestContext,
    known: Credentials,
    device_id: Option<String>,
    assurance: Assurance,
    upgraded_hash: Option<String>,
) -> Result<SignedIn, Error> {
    let is_new_device = device_id.is_none();
    // A known device failed on a budget of its own: its success forgives no stranger's failures.
    let forgives_account_key = if is_new_device { key_of(&known.person) } else { None };
    let notice = is_new_device.then(|| new_device::notice(services, context, &known.person)).flatten();
    let (not_me_grant, mail) = notice.unzip();
    let opened = open_session(services, context, &known, device_id, assurance).await?;
    let change = SuccessfulSignIn {
        person_id: known.person.id.clone(),
        credential_epoch: known.credential_epoch,
        upgraded_hash,
        forgives_account_key,
        displaced: opened.displaced_until(),
        not_me_grant,
        at: services.clock.now(),
    };
    record_sign_in(services, context, change, opened, known.person, mail.into_iter().collect()).await
}

/// A session that is stored, but whose sign-in is not recorded yet.
pub(crate) struct OpenedSession {
    pub(crate) session: Session,
    displaced: Vec<SessionId>,
    device_token: Secret<String>,
}

impl OpenedSession {
    pub(crate) fn displaced_until(&self) -> Vec<(SessionId, Timestamp)> {
        self.displaced.iter().map(|id| (id.clone(), self.session.expires_at)).collect()
    }
}

/// Makes a session with a new id (never one the client brought along: session fixation).
pub(crate) async fn open_session(
    services: &Services,
    context: &RequestContext,
    known: &Credentials,
    device_id: Option<String>,
    assurance: Assurance,
) -> Result<OpenedSession, Error> {
    let now = services.clock.now();
    let limits = services.settings.session_limits(&known.organization_settings);
    let session = Session {
        id: SessionId::generate(&*services.entropy),
        person_id: known.person.id.clone(),
        org_id: known.person.org_id.clone(),
        email: known.person.email.clone().unwrap_or_default(),
        roles: known.person.roles.clone(),
        assurance,
        credential_epoch: known.credential_epoch,
        created_at: now,
        authenticated_at: now,
        last_activity: now,
        expires_at: now + limits.ttl,
        idle_timeout: limits.idle,
        client: context.client(),
    };
    let displaced = services.sessions.create(&session, limits.max_per_person).await?;
    let device_id = device_id.unwrap_or_else(|| random_token(&*services.entropy).expose()[..16].to_owned());
    let device_token = services.device_keys.issue(&known.person.id, &device_id, known.device_epoch, now);
    Ok(OpenedSession { session, displaced, device_token })
}

/// Records the sign-in; when that fails, the session ends before anybody has seen its token.
pub(crate) async fn record_sign_in(
    services: &Services,
    context: &RequestContext,
    change: SuccessfulSignIn,
    opened: OpenedSession,
    person: Person,
    mails: Vec<Mail>,
) -> Result<SignedIn, Error> {
    let actor = Actor::person(&person);
    let resource = Resource::new("session", opened.session.id.as_str());
    let details = json!({
        "assurance": opened.session.assurance.as_str(),
        "device_type": opened.session.client.device_type,
        "browser": opened.session.client.browser,
        "os": opened.session.client.os,
    });
    let done = Happening::done(Action::AuthLogin, resource).changing(Changes::created(details));
    let mut trail = services.trail(context, &actor, done);
    for id in &opened.displaced {
        let gone = Happening::done(Action::AuthSessionRevoked, Resource::new("session", id.as_str()))
            .changing(Changes::new().field("reason", serde_json::Value::Null, "too many sessions"));
        trail = services.trail_and(trail, context, &actor, gone);
    }
    if let Err(fault) = services.accounts.record_sign_in(change, trail, mails).await {
        services.sessions.end(&person.id, &opened.session.id).await?;
        return Err(match fault {
            // The password was changed, or the account locked, while this one was being checked.
            Error::Refused(Refusal::Conflict) => Refusal::InvalidCredentials.into(),
            other => other,
        });
    }
    Ok(SignedIn { session: opened.session, person, device_token: opened.device_token })
}
