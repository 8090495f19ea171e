//! Asking for a link, and what follows off the request's path.

use std::time::Duration;

use hardening::audit::{Action, Resource};
use hardening::clock::Timestamp;
use hardening::email::EmailAddress;
use hardening::entropy::new_id;
use hardening::one_time_token::Purpose;
use hardening::rate_limit::{Algorithm, Per, SYSTEM_RESET_MAILS};

use super::REQUEST_ROUTE;
use crate::audit_trail::{Actor, Happening};
use crate::context::RequestContext;
use crate::credential_check::{Counted, account_key, budgets, open_gate, take_unseen};
use crate::error::{Error, Refusal};
use crate::mailed_link::mailed_link;
use crate::model::Person;
use crate::outbox::Content;
use crate::ports::ResetRequest;
use crate::services::Services;
use crate::sign_in::may_sign_in;

/// Requests answered in one go.
const BATCH: u32 = 20;
/// How long a taken request is hidden from other nodes.
const LEASE: Duration = Duration::from_secs(30);
/// Links of one person that live side by side.
const LIVE_LINKS: u32 = 3;

/// Stores that somebody asks. Too many from one network address are refused; too many for one mail address are
/// dropped, and the answer is the same.
pub async fn request(services: &Services, context: &RequestContext, email: &str) -> Result<(), Error> {
    let email = EmailAddress::parse(email).map_err(|refusal| Refusal::field("email", refusal.to_string()))?;
    let actor = Actor::anonymous(&email.typed);
    let by_address = [Counted { per: Per::Ip, identifier: &context.address_bucket }];
    let by_address = budgets(services, REQUEST_ROUTE, &by_address);
    open_gate(services, context, &actor, by_address).await?.succeeded().await?;
    let key = account_key(&email.canonical);
    let by_mail = budgets(services, REQUEST_ROUTE, &[Counted { per: Per::Email, identifier: &key }]);
    if !take_unseen(services, context, &actor, by_mail).await? {
        return Ok(());
    }
    let now = services.clock.now();
    let asked = ResetRequest {
        id: new_id("reset", now, &*services.entropy),
        email_canonical: email.canonical.clone(),
        ip_address: context.ip_address.clone(),
        user_agent: context.user_agent.clone(),
        request_id: context.request_id.clone(),
        asked_at: now,
    };
    Ok(services.password_resets.ask(&asked).await?)
}

/// What one look at the waiting requests led to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WorkedOff {
    /// Links that were stored with their mail.
    pub issued: usize,
    /// Requests for addresses nobody has, or whose owner may not sign in.
    pub dismissed: usize,
    /// Requests that wait because the whole system sends too many reset mails: worth an alarm.
    pub held_back: usize,
}

impl WorkedOff {
    /// Whether more may be due right now.
    pub const fn goes_on(self) -> bool {
        self.issued + self.dismissed > 0 && self.held_back == 0
    }
}

/// Answers waiting requests, once: a link and a mail for people who may sign in, nothing for anybody else. Never
/// refuses one: what is over the system's limit waits.
pub async fn work_off(services: &Services) -> Result<WorkedOff, Error> {
    let now = services.clock.now();
    let mut taken = services.password_resets.take_requests(BATCH, now, now + LEASE).await?.into_iter();
    let (mut done, mut nobodys) = (WorkedOff::default(), Vec::new());
    while let Some(asked) = taken.next() {
        let known = services.accounts.credentials_by_email(&asked.email_canonical).await?;
        let Some(known) = known.filter(|known| may_sign_in(known) && known.person.email.is_some()) else {
            nobodys.push(asked.id);
            continue;
        };
        if let Some(until) = held_back_until(services, now).await? {
            let rest: Vec<String> = std::iter::once(asked).chain(taken).map(|asked| asked.id).collect();
            services.password_resets.put_back(&rest, until).await?;
            done.held_back = rest.len();
            break;
        }
        match issue(services, &asked, &known.person).await {
            Ok(()) => done.issued += 1,
            // Answered by another node, or the account was locked meanwhile: the next look dismisses it.
            Err(Error::Refused(Refusal::Conflict)) => {}
            Err(other) => return Err(other),
        }
    }
    done.dismissed = nobodys.len();
    services.password_resets.dismiss(&nobodys).await?;
    Ok(done)
}

/// Takes from what the whole system may mail for resets; until when to wait if there is nothing left.
async fn held_back_until(services: &Services, now: Timestamp) -> Result<Option<Timestamp>, Error> {
    if !services.settings.rate_limiting {
        return Ok(None);
    }
    let rules = services.rules.matching(Algorithm::Gcra, "POST", SYSTEM_RESET_MAILS);
    let quotas: Vec<_> = rules
        .filter(|(rule, _)| rule.per == Per::System)
        .map(|(rule, names)| (names.key_of(rule, ""), rule.quota()))
        .collect();
    let decision = services.quotas.take(&quotas, now).await?;
    let wait = decision.retry_after.unwrap_or(Duration::from_secs(1));
    Ok((!decision.allowed).then_some(now + wait))
}

async fn issue(services: &Services, asked: &ResetRequest, person: &Person) -> Result<(), Error> {
    let lifetime = services.settings.reset_link_ttl;
    let link = mailed_link(services, person, Purpose::PasswordReset, lifetime, |reset_token| {
        Content::PasswordReset {
            reset_token,
            valid_for_seconds: lifetime.as_secs(),
            ip_address: asked.ip_address.clone(),
        }
    });
    let Some((grant, mail)) = link else { return Err(Refusal::Conflict.into()) };
    let context = RequestContext::new(
        &*asked.request_id,
        &*asked.ip_address,
        &*asked.ip_address,
        asked.user_agent.as_deref(),
    );
    let requested = Happening::done(
        Action::AuthPasswordResetRequested,
        Resource::new("person", &*person.id).named(&*person.name),
    );
    let trail = services.trail(&context, &Actor::person(person), requested);
    services.password_resets.issue_link(&asked.id, &grant, LIVE_LINKS, trail, vec![mail]).await
}
