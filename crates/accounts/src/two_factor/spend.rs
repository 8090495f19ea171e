//! A code that is given: past its limiter, judged, and spent by whatever it opens.

use hardening::audit::{Action, Resource};
use hardening::fault::Fault;
use hardening::lockout::{Budget, Reservation};
use hardening::rate_limit::{Per, SESSION_CODE_CHECK};
use hardening::two_factor::{TotpVerdict, TypedCode};

use super::notices::{self, News};
use crate::audit_trail::Happening;
use crate::check_again::Asker;
use crate::context::{Principal, RequestContext};
use crate::credential_check::{Counted, SECOND_STEP_ROUTE, budgets, open_gate, settle};
use crate::error::{CodeHint, Error, Refusal};
use crate::lockouts::key_of;
use crate::model::Credentials;
use crate::ports::{Proof, SecondFactor, Spending, WrongCode};
use crate::services::Services;

/// How often a wrong code is counted anew when others are counted at the same moment. Its limiter judges a handful at
/// once; this many can only meet where limits are switched off.
const COUNTING_TRIES: usize = 100;

/// Where a code is given.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place<'a> {
    /// As the second step of a sign-in: counted per account.
    SigningIn,
    /// Inside a session: counted per person.
    Inside(&'a Principal),
}

/// A code that has a place at its limiter and looks right. Whoever holds it spends the code, and then settles.
pub(crate) struct Attempt<'a> {
    services: &'a Services,
    context: &'a RequestContext,
    known: &'a Credentials,
    place: Place<'a>,
    reservation: Reservation,
    proof: Proof,
    codes_left: u32,
}

impl<'a> Attempt<'a> {
    /// Judges what was typed. What is wrong is counted and refused here.
    pub(crate) async fn begin(
        services: &'a Services,
        context: &'a RequestContext,
        known: &'a Credentials,
        place: Place<'a>,
        typed: &TypedCode,
    ) -> Result<Self, Error> {
        let state = services.two_factor.state_of(&known.person.id).await?;
        if !state.enabled {
            return Err(Refusal::TwoFactorNotEnabled.into());
        }
        let switched_off = state.wrong_in_a_row >= services.settings.wrong_codes_max;
        if switched_off && matches!(typed, TypedCode::App(_)) {
            return Err(Refusal::SecondFactorUnavailable.into());
        }
        let asker = asker(known, place);
        let reservation = open_gate(services, context, &asker.actor, wanted(services, known, place)).await?;
        match judge(services, known, &state, typed) {
            Ok(Ok(proof)) => {
                let codes_left = state.recovery_codes_left;
                Ok(Self { services, context, known, place, reservation, proof, codes_left })
            }
            Ok(Err(hint)) => Err(refuse(services, context, known, place, reservation, hint).await),
            // No code of the app is right, so there is nothing to guess; and counting would keep recovery codes out.
            Err(unreadable) => {
                reservation.withdrawn().await;
                Err(unreadable.into())
            }
        }
    }

    /// What storage needs to spend the code.
    pub(crate) fn spending(&self) -> Spending {
        Spending {
            person_id: self.known.person.id.clone(),
            credential_epoch: self.known.credential_epoch,
            proof: self.proof.clone(),
            wrong_in_a_row_max: self.services.settings.wrong_codes_max,
            at: self.services.clock.now(),
        }
    }

    /// How many recovery codes are left after this one; none for a code of an app.
    pub(crate) fn recovery_codes_left(&self) -> Option<u32> {
        matches!(self.proof, Proof::Recovery(_)).then(|| self.codes_left.saturating_sub(1))
    }

    /// Settles with the limiter: a code that storage did not accept was wrong after all.
    pub(crate) async fn settle<T>(self, outcome: Result<T, Error>) -> Result<T, Error> {
        match outcome {
            Ok(done) => {
                settle(self.context, self.reservation, true).await?;
                Ok(done)
            }
            Err(Error::Refused(Refusal::WrongCode(hint))) => {
                Err(refuse(self.services, self.context, self.known, self.place, self.reservation, hint).await)
            }
            Err(Error::Refused(other)) => {
                self.reservation.withdrawn().await;
                Err(other.into())
            }
            // Perhaps it was spent: the place lapses into a used one.
            Err(fault) => Err(fault),
        }
    }
}

fn asker(known: &Credentials, place: Place<'_>) -> Asker {
    match place {
        Place::SigningIn => Asker::person(&known.person),
        Place::Inside(principal) => Asker::principal(principal),
    }
}

fn wanted(services: &Services, known: &Credentials, place: Place<'_>) -> Vec<Budget> {
    let person_id = &known.person.id;
    match place {
        Place::SigningIn => {
            let key = key_of(&known.person).unwrap_or_else(|| person_id.clone());
            budgets(services, SECOND_STEP_ROUTE, &[Counted { per: Per::Account, identifier: &key }])
        }
        Place::Inside(_) => inside(services, person_id),
    }
}

/// The budgets of codes that are given inside a session, or for a second factor that is being set up.
pub(super) fn inside(services: &Services, person_id: &str) -> Vec<Budget> {
    budgets(services, SESSION_CODE_CHECK, &[Counted { per: Per::Person, identifier: person_id }])
}

/// Fails where no code can be judged: the secret is missing, as an adopted database may have it, or no key opens it.
fn judge(
    services: &Services,
    known: &Credentials,
    state: &SecondFactor,
    typed: &TypedCode,
) -> Result<Result<Proof, CodeHint>, Refusal> {
    let rules = &services.second_factor;
    match typed {
        TypedCode::Recovery(code) => {
            Ok(Ok(Proof::Recovery(rules.recovery_keys.candidates(&known.person.id, code))))
        }
        TypedCode::App(code) => {
            let opened = state.totp_secret.as_deref().and_then(|stored| rules.opened(stored));
            let person_id = || known.person.id.clone();
            let secret = opened.ok_or_else(|| Refusal::SecondFactorUnreadable { person_id: person_id() })?;
            let now = services.clock.now();
            let verdict = rules.totp.check(&secret, code, state.last_step, now);
            Ok(proof_or_hint(services, verdict).map(Proof::App))
        }
    }
}

/// The time step that matched, or what can be said of a code that is refused.
pub(super) fn proof_or_hint(services: &Services, verdict: TotpVerdict) -> Result<i64, CodeHint> {
    match verdict {
        TotpVerdict::Right(step) => Ok(step),
        TotpVerdict::Used => Err(CodeHint::Used),
        TotpVerdict::Late(by) => Err(CodeHint::Late { by, server_time: services.clock.now() }),
        TotpVerdict::Wrong => Err(CodeHint::None),
    }
}

/// Counts a wrong code, and gives the refusal.
async fn refuse(
    services: &Services,
    context: &RequestContext,
    known: &Credentials,
    place: Place<'_>,
    reservation: Reservation,
    hint: CodeHint,
) -> Error {
    match count(services, context, known, place, reservation, hint).await {
        Err(error) => error,
        Ok(()) => match place {
            Place::SigningIn => Refusal::WrongSignInCode(hint).into(),
            Place::Inside(_) => Refusal::WrongCode(hint).into(),
        },
    }
}

async fn count(
    services: &Services,
    context: &RequestContext,
    known: &Credentials,
    place: Place<'_>,
    reservation: Reservation,
    hint: CodeHint,
) -> Result<(), Error> {
    let settled = settle(context, reservation, false).await?;
    for _ in 0..COUNTING_TRIES {
        let stored = record(services, context, known, place, &settled.locked, hint).await;
        if !matches!(stored, Err(Error::Refused(Refusal::Conflict))) {
            return stored;
        }
    }
    Err(Fault::internal("a wrong code could not be counted").into())
}

async fn record(
    services: &Services,
    context: &RequestContext,
    known: &Credentials,
    place: Place<'_>,
    locked: &[(Budget, hardening::clock::Timestamp)],
    hint: CodeHint,
) -> Result<(), Error> {
    let (person, asker, now) = (&known.person, asker(known, place), services.clock.now());
    let state = services.two_factor.state_of(&person.id).await?;
    let resource = Resource::new("person", &*person.id).named(&*person.name);
    let why = match hint {
        CodeHint::None => "wrong code",
        CodeHint::Used => "code used already",
        CodeHint::Late { .. } => "code of a time that is over",
    };
    let failed = |why| Happening::refused(Action::AuthTwoFactorFailed, resource.clone(), why);
    let mut trail = services.trail(context, &asker.actor, failed(why));
    let mut mails = Vec::new();
    if !locked.is_empty() {
        let why = Happening::refused(Action::AuthAccountLocked, resource.clone(), "too many wrong codes");
        trail = services.trail_and(trail, context, &asker.actor, why);
        mails = notices::mail(services, context, person, News::WrongCodes);
    }
    if state.wrong_in_a_row + 1 == services.settings.wrong_codes_max {
        let off = failed("too many wrong codes in a row: codes of the app are refused until a reset");
        trail = services.trail_and(trail, context, &asker.actor, off);
        mails = notices::mail(services, context, person, News::AppCodesOff);
    }
    let wrong = WrongCode {
        person_id: person.id.clone(),
        seen_in_a_row: state.wrong_in_a_row,
        locks: asker.locks(locked.to_vec(), now),
        at: now,
    };
    services.two_factor.record_wrong_code(wrong, trail, mails).await
}
