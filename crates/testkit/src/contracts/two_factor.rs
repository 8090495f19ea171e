//! The contract of [`accounts::ports::TwoFactorStore`] and [`accounts::ports::TwoFactorPolicyStore`], races included.

use std::time::Duration;

use accounts::error::{CodeHint, Refusal};
use accounts::model::{Lock, Page, Person};
use accounts::ports::{
    Activation, Enrolment, PendingStep, Proof, SecondFactor, Spending, StepPurpose, StoredPolicy,
    StoredSecret, WrongCode,
};
use accounts::two_factor::policy::TwoFactorPolicy;
use hardening::clock::Timestamp;
use hardening::entropy::{OsEntropy, random_bytes};
use hardening::one_time_token::{OneTimeToken, TokenHash};
use hardening::two_factor::RecoveryCodeHash;

use super::stores::{CROWD, Stores, at_once, id, in_an_hour, mail, now, one_wins, trail, trail_of_two};

const MICROSECOND: Duration = Duration::from_micros(1);
const MOST_WRONG: i64 = 100;
const USED: Refusal = Refusal::WrongCode(CodeHint::Used);
const WRONG: Refusal = Refusal::WrongCode(CodeHint::None);

/// Runs every check.
pub async fn all(stores: &Stores) {
    enrolling_is_apart_until_it_is_confirmed(stores).await;
    an_active_factor_is_never_replaced_by_enrolling(stores).await;
    one_of_many_confirmations_wins(stores).await;
    a_step_or_an_older_one_is_never_used_again(stores).await;
    one_of_many_spends_a_code_of_an_app(stores).await;
    one_of_many_spends_a_recovery_code(stores).await;
    wrong_codes_are_counted_one_by_one(stores).await;
    after_too_many_wrong_codes_only_recovery_codes_work(stores).await;
    a_waiting_step_dies_with_success_time_and_epoch(stores).await;
    disabling_costs_a_code_and_leaves_nothing(stores).await;
    a_reset_costs_none_and_needs_something_to_reset(stores).await;
    new_recovery_codes_void_the_old(stores).await;
    deleting_somebody_removes_it(stores).await;
    secrets_are_listed_and_replaced_if_unchanged(stores).await;
    policies_are_replaced_from_what_was_read(stores).await;
    people_without_are_listed_and_counted(stores).await;
    what_has_waited_too_long_is_purged(stores).await;
}

fn codes() -> Vec<RecoveryCodeHash> {
    (0..10).map(|_| RecoveryCodeHash(random_bytes(&OsEntropy))).collect()
}

fn enrolment() -> Enrolment {
    Enrolment {
        totp_secret: id("secret"),
        recovery_codes: codes(),
        created_at: now(),
        expires_at: in_an_hour(),
    }
}

fn activation(person: &Person, epoch: i64, enrolment: &Enrolment) -> Activation {
    Activation {
        person_id: person.id.clone(),
        credential_epoch: epoch,
        enrolment: enrolment.clone(),
        used_step: 100,
        spent_step: None,
        at: now(),
    }
}

fn spending(person: &Person, epoch: i64, proof: Proof) -> Spending {
    Spending {
        person_id: person.id.clone(),
        credential_epoch: epoch,
        proof,
        wrong_in_a_row_max: MOST_WRONG,
        at: now(),
    }
}

fn step_of(person: &Person, purpose: StepPurpose, epoch: i64) -> PendingStep {
    PendingStep {
        token: OneTimeToken::generate(&OsEntropy).1,
        purpose,
        person_id: person.id.clone(),
        credential_epoch: epoch,
        device_id: Some("device".to_owned()),
        created_at: now(),
        expires_at: in_an_hour(),
    }
}

/// An admin of a new organization with an active second factor, at epoch one, step 100 used.
async fn enrolled(stores: &Stores) -> (Person, Enrolment) {
    let (_, person) = stores.founded().await;
    let enrolment = enrolment();
    stores.two_factor.begin_enrolment(&person.id, &enrolment, trail()).await.expect("begun");
    let change = activation(&person, 0, &enrolment);
    stores.two_factor.activate(change, trail(), vec![]).await.expect("active");
    (stores.person(&person.org_id, &person.id).await, enrolment)
}

async fn state(stores: &Stores, person: &Person) -> SecondFactor {
    stores.two_factor.state_of(&person.id).await.expect("readable")
}

/// The later begun one counts; confirming makes it active with its codes, raises the epoch and mails.
pub async fn enrolling_is_apart_until_it_is_confirmed(stores: &Stores) {
    let (organization, person) = stores.founded().await;
    assert_eq!(state(stores, &person).await, SecondFactor::default());
    let (first, second) = (enrolment(), enrolment());
    for enrolment in [&first, &second] {
        stores.leaves(1, stores.two_factor.begin_enrolment(&person.id, enrolment, trail())).await;
        assert_eq!(state(stores, &person).await.recovery_codes_left, 0);
        assert!(!stores.person(&organization.id, &person.id).await.two_factor_enabled);
    }
    let waits = |at| stores.two_factor.enrolment_of(&person.id, at);
    let seen = waits(second.expires_at - MICROSECOND).await.expect("readable").expect("it waits");
    assert_eq!((&seen.totp_secret, &seen.recovery_codes), (&second.totp_secret, &second.recovery_codes));
    assert_eq!(waits(second.expires_at).await, Ok(None), "over to the microsecond");

    let replaced = stores.two_factor.activate(activation(&person, 0, &first), trail(), vec![]);
    stores.refuses(&organization.id, Refusal::Conflict, replaced).await;
    let stale = stores.two_factor.activate(activation(&person, 1, &second), trail(), vec![]);
    stores.refuses(&organization.id, Refusal::Conflict, stale).await;
    let mail = mail(Some(&person.id));
    let verb =
        stores.two_factor.activate(activation(&person, 0, &second), trail_of_two(), vec![mail.clone()]);
    stores.leaves(2, verb).await;
    let active = state(stores, &person).await;
    assert!(active.enabled && active.verified_at.is_some());
    assert_eq!(active.totp_secret.as_ref(), Some(&second.totp_secret));
    assert_eq!((active.last_step, active.wrong_in_a_row, active.recovery_codes_left), (100, 0, 10));
    assert_eq!(stores.epochs(&person.id).await, (1, 0));
    assert!(stores.person(&organization.id, &person.id).await.two_factor_enabled);
    assert_eq!(waits(now()).await, Ok(None));
    assert!(stores.outbox.list(1000).await.expect("readable").iter().any(|row| row.id == mail.id));

    let nobody = stores.two_factor.begin_enrolment("person_nobody", &first, trail());
    stores.refuses(&organization.id, Refusal::NotFound("person"), nobody).await;
}

/// Neither begun nor confirmed.
pub async fn an_active_factor_is_never_replaced_by_enrolling(stores: &Stores) {
    let (person, active) = enrolled(stores).await;
    let other = enrolment();
    let verb = stores.two_factor.begin_enrolment(&person.id, &other, trail());
    stores.refuses(&person.org_id, Refusal::TwoFactorAlreadyEnabled, verb).await;
    let verb = stores.two_factor.activate(activation(&person, 1, &other), trail(), vec![]);
    stores.refuses(&person.org_id, Refusal::Conflict, verb).await;
    assert_eq!(state(stores, &person).await.totp_secret, Some(active.totp_secret));
}

/// Sixteen at once: one epoch, one audit row.
pub async fn one_of_many_confirmations_wins(stores: &Stores) {
    let (_, person) = stores.founded().await;
    let enrolment = enrolment();
    stores.two_factor.begin_enrolment(&person.id, &enrolment, trail()).await.expect("begun");
    let before = stores.audit_rows().await;
    let outcomes = at_once((0..CROWD).map(|_| {
        let (store, change) = (stores.two_factor.clone(), activation(&person, 0, &enrolment));
        async move { store.activate(change, trail(), vec![]).await }
    }))
    .await;
    one_wins(outcomes, &Refusal::Conflict);
    assert_eq!(stores.audit_rows().await, before + 1);
    assert_eq!(stores.epochs(&person.id).await, (1, 0));
}

/// The step that confirmed, the same again, and older ones.
pub async fn a_step_or_an_older_one_is_never_used_again(stores: &Stores) {
    let (person, _) = enrolled(stores).await;
    let spend = |step| {
        let change = spending(&person, 1, Proof::App(step));
        stores.two_factor.spend_code(change, None, trail(), vec![])
    };
    stores.refuses(&person.org_id, USED, spend(100)).await;
    stores.leaves(1, spend(102)).await;
    for used in [102, 101, 0] {
        stores.refuses(&person.org_id, USED, spend(used)).await;
    }
    stores.leaves(1, spend(103)).await;
    assert_eq!(state(stores, &person).await.last_step, 103);
    let stale = spending(&person, 0, Proof::App(104));
    let verb = stores.two_factor.spend_code(stale, None, trail(), vec![]);
    stores.refuses(&person.org_id, Refusal::Conflict, verb).await;
}

/// Sixteen at once with one code: one success, one audit row.
pub async fn one_of_many_spends_a_code_of_an_app(stores: &Stores) {
    let (person, _) = enrolled(stores).await;
    one_of_many_spends(stores, &person, &Proof::App(101), &USED).await;
}

/// Sixteen at once with one code: one success, one audit row; the other codes stay.
pub async fn one_of_many_spends_a_recovery_code(stores: &Stores) {
    let (person, enrolment) = enrolled(stores).await;
    let proof = |n: usize| Proof::Recovery(vec![enrolment.recovery_codes[n]]);
    one_of_many_spends(stores, &person, &proof(0), &WRONG).await;
    assert_eq!(state(stores, &person).await.recovery_codes_left, 9);
    let under_the_old_key = Proof::Recovery(vec![codes()[0], enrolment.recovery_codes[1]]);
    let verb = stores.two_factor.spend_code(spending(&person, 1, under_the_old_key), None, trail(), vec![]);
    stores.leaves(1, verb).await;
    let (stranger, _) = enrolled(stores).await;
    let verb = stores.two_factor.spend_code(spending(&stranger, 1, proof(2)), None, trail(), vec![]);
    stores.refuses(&stranger.org_id, WRONG, verb).await;
    let nothing =
        stores.two_factor.spend_code(spending(&person, 1, Proof::Recovery(vec![])), None, trail(), vec![]);
    stores.refuses(&person.org_id, WRONG, nothing).await;
}

async fn one_of_many_spends(stores: &Stores, person: &Person, proof: &Proof, refusal: &Refusal) {
    let before = stores.audit_rows().await;
    let outcomes = at_once((0..CROWD).map(|_| {
        let (store, change) = (stores.two_factor.clone(), spending(person, 1, proof.clone()));
        async move { store.spend_code(change, None, trail(), vec![]).await }
    }))
    .await;
    one_wins(outcomes, refusal);
    assert_eq!(stores.audit_rows().await, before + 1);
}

fn wrong(person: &Person, seen: i64) -> WrongCode {
    WrongCode { person_id: person.id.clone(), seen_in_a_row: seen, locks: vec![], at: now() }
}

async fn count_wrong(stores: &Stores, person: &Person, from: i64, to: i64) {
    for seen in from..to {
        stores.two_factor.record_wrong_code(wrong(person, seen), trail(), vec![]).await.expect("counted");
    }
}

/// From the count that was read; of many at once one; with their locks; a right code starts over.
pub async fn wrong_codes_are_counted_one_by_one(stores: &Stores) {
    let (person, enrolment) = enrolled(stores).await;
    let lock = Lock {
        key: id("key"),
        kind: "second_factor".to_owned(),
        org_id: Some(person.org_id.clone()),
        person_id: Some(person.id.clone()),
        subject: "ann@example.com".to_owned(),
        failures: 3,
        locked_at: now(),
        locked_until: in_an_hour(),
    };
    let first = WrongCode { locks: vec![lock.clone()], ..wrong(&person, 0) };
    stores.leaves(2, stores.two_factor.record_wrong_code(first, trail_of_two(), vec![])).await;
    assert_eq!(stores.accounts.lock_keys_of(&person.id).await, Ok(vec![lock.key]));
    let stale = stores.two_factor.record_wrong_code(wrong(&person, 0), trail(), vec![]);
    stores.refuses(&person.org_id, Refusal::Conflict, stale).await;
    let outcomes = at_once((0..CROWD).map(|_| {
        let (store, change) = (stores.two_factor.clone(), wrong(&person, 1));
        async move { store.record_wrong_code(change, trail(), vec![]).await }
    }))
    .await;
    one_wins(outcomes, &Refusal::Conflict);
    for proof in [Proof::App(101), Proof::Recovery(vec![enrolment.recovery_codes[0]])] {
        assert_eq!(state(stores, &person).await.wrong_in_a_row, 2);
        let verb = stores.two_factor.spend_code(spending(&person, 1, proof), None, trail(), vec![]);
        stores.leaves(1, verb).await;
        assert_eq!(state(stores, &person).await.wrong_in_a_row, 0);
        count_wrong(stores, &person, 0, 2).await;
    }
}

/// And using one does not bring the app's back.
pub async fn after_too_many_wrong_codes_only_recovery_codes_work(stores: &Stores) {
    let (person, enrolment) = enrolled(stores).await;
    count_wrong(stores, &person, 0, MOST_WRONG).await;
    let app = || stores.two_factor.spend_code(spending(&person, 1, Proof::App(101)), None, trail(), vec![]);
    stores.refuses(&person.org_id, USED, app()).await;
    let proof = Proof::Recovery(vec![enrolment.recovery_codes[0]]);
    stores.leaves(1, stores.two_factor.spend_code(spending(&person, 1, proof), None, trail(), vec![])).await;
    stores.refuses(&person.org_id, USED, app()).await;
    assert_eq!(state(stores, &person).await.wrong_in_a_row, MOST_WRONG);
}

/// It is found by token and purpose, until its end to the microsecond, and is gone once it was spent.
pub async fn a_waiting_step_dies_with_success_time_and_epoch(stores: &Stores) {
    let (person, _) = enrolled(stores).await;
    let step = step_of(&person, StepPurpose::Verify, 1);
    stores.two_factor.begin_step(&step, Some("$better".to_owned())).await.expect("stored");
    let known = stores.accounts.credentials_of(&person.id).await.expect("readable").expect("known");
    assert_eq!(known.password_hash.as_deref(), Some("$better"));
    let find = |purpose, at| stores.two_factor.pending_step(&step.token, purpose, at);
    let found =
        find(StepPurpose::Verify, step.expires_at - MICROSECOND).await.expect("readable").expect("waits");
    assert_eq!((found.credential_epoch, found.device_id.as_deref()), (1, Some("device")));
    assert_eq!(found.person_id, person.id);
    assert_eq!(find(StepPurpose::Verify, step.expires_at).await, Ok(None));
    assert_eq!(find(StepPurpose::SetUp, now()).await, Ok(None), "for another purpose");

    let spend = |token: TokenHash, app_step| {
        let change = spending(&person, 1, Proof::App(app_step));
        stores.two_factor.spend_code(change, Some(token), trail(), vec![])
    };
    stores.refuses(&person.org_id, USED, spend(step.token, 100)).await;
    stores.leaves(1, spend(step.token, 101)).await;
    assert_eq!(find(StepPurpose::Verify, now()).await, Ok(None));
    stores.refuses(&person.org_id, Refusal::TemporaryTokenInvalid, spend(step.token, 102)).await;

    let (stranger, _) = enrolled(stores).await;
    let theirs = step_of(&stranger, StepPurpose::Verify, 1);
    stores.two_factor.begin_step(&theirs, None).await.expect("stored");
    stores.refuses(&person.org_id, Refusal::TemporaryTokenInvalid, spend(theirs.token, 102)).await;

    let stale = step_of(&person, StepPurpose::Verify, 0);
    stores.refuses(&person.org_id, Refusal::Conflict, stores.two_factor.begin_step(&stale, None)).await;

    let (_, fresh) = stores.founded().await;
    let set_up = step_of(&fresh, StepPurpose::SetUp, 0);
    stores.two_factor.begin_step(&set_up, None).await.expect("stored");
    let enrolment = enrolment();
    stores.two_factor.begin_enrolment(&fresh.id, &enrolment, trail()).await.expect("begun");
    let change = Activation { spent_step: Some(set_up.token), ..activation(&fresh, 0, &enrolment) };
    stores.leaves(1, stores.two_factor.activate(change, trail(), vec![])).await;
    let gone = stores.two_factor.pending_step(&set_up.token, StepPurpose::SetUp, now()).await;
    assert_eq!(gone, Ok(None));
}

/// At its epoch, with an unused code.
pub async fn disabling_costs_a_code_and_leaves_nothing(stores: &Stores) {
    let (person, _) = enrolled(stores).await;
    let disable =
        |epoch, step| stores.two_factor.disable(spending(&person, epoch, Proof::App(step)), trail(), vec![]);
    stores.refuses(&person.org_id, USED, disable(1, 100)).await;
    stores.refuses(&person.org_id, Refusal::Conflict, disable(0, 101)).await;
    stores.leaves(1, disable(1, 101)).await;
    assert_eq!(state(stores, &person).await, SecondFactor::default());
    assert_eq!(stores.epochs(&person.id).await, (2, 0));
}

/// An active one; what waits to be confirmed is another verb's, which changes nothing else.
pub async fn a_reset_costs_none_and_needs_something_to_reset(stores: &Stores) {
    let (person, _) = enrolled(stores).await;
    let reset = || stores.two_factor.reset(&person.id, now(), trail(), vec![mail(Some(&person.id))]);
    stores.leaves(1, reset()).await;
    assert_eq!(state(stores, &person).await, SecondFactor::default());
    assert_eq!(stores.epochs(&person.id).await, (2, 0));
    stores.refuses(&person.org_id, Refusal::TwoFactorNotEnabled, reset()).await;
    let forget = || stores.two_factor.forget_enrolment(&person.id, trail());
    stores.refuses(&person.org_id, Refusal::TwoFactorNotEnabled, forget()).await;
    stores.two_factor.begin_enrolment(&person.id, &enrolment(), trail()).await.expect("begun");
    stores.refuses(&person.org_id, Refusal::TwoFactorNotEnabled, reset()).await;
    stores.leaves(1, forget()).await;
    assert_eq!(stores.two_factor.enrolment_of(&person.id, now()).await, Ok(None));
    assert_eq!(stores.epochs(&person.id).await, (2, 0));
    let (active, _) = enrolled(stores).await;
    let forget = stores.two_factor.forget_enrolment(&active.id, trail());
    stores.refuses(&active.org_id, Refusal::Conflict, forget).await;
}

/// All of them, used or not.
pub async fn new_recovery_codes_void_the_old(stores: &Stores) {
    let (person, old) = enrolled(stores).await;
    let fresh = codes();
    let replace = |proof| {
        let change = spending(&person, 1, proof);
        stores.two_factor.replace_recovery_codes(change, &fresh, trail(), vec![])
    };
    stores.refuses(&person.org_id, USED, replace(Proof::App(100))).await;
    stores.leaves(1, replace(Proof::Recovery(vec![old.recovery_codes[0]]))).await;
    assert_eq!(state(stores, &person).await.recovery_codes_left, 10);
    let spend = |code| {
        let change = spending(&person, 1, Proof::Recovery(vec![code]));
        stores.two_factor.spend_code(change, None, trail(), vec![])
    };
    stores.refuses(&person.org_id, WRONG, spend(old.recovery_codes[1])).await;
    stores.leaves(1, spend(fresh[0])).await;
}

/// The secret, the codes, what waits.
pub async fn deleting_somebody_removes_it(stores: &Stores) {
    let (person, _) = enrolled(stores).await;
    let step = step_of(&person, StepPurpose::Verify, 1);
    stores.two_factor.begin_step(&step, None).await.expect("stored");
    let _admin = stores.joined(&person.org_id, &["admin"]).await;
    stores.people.delete(&person, now(), trail()).await.expect("deleted");
    assert_eq!(state(stores, &person).await, SecondFactor::default());
    assert_eq!(stores.two_factor.pending_step(&step.token, StepPurpose::Verify, now()).await, Ok(None));
}

/// A secret that changed meanwhile stays as it is.
pub async fn secrets_are_listed_and_replaced_if_unchanged(stores: &Stores) {
    let (person, active) = enrolled(stores).await;
    let (_, other) = stores.founded().await;
    let waiting = enrolment();
    stores.two_factor.begin_enrolment(&other.id, &waiting, trail()).await.expect("begun");
    let total = stores.two_factor.count_secrets().await.expect("readable");
    let mut listed: Vec<StoredSecret> = Vec::new();
    loop {
        let after = listed.last().map(|last| last.person_id.clone()).unwrap_or_default();
        let page = stores.two_factor.stored_secrets(&after, 1).await.expect("readable");
        if page.is_empty() {
            break;
        }
        listed.extend(page);
    }
    assert_eq!(i64::try_from(listed.len()), Ok(total));
    let of =
        |person: &Person| listed.iter().find(|secret| secret.person_id == person.id).expect("listed").clone();
    let (before, before_waiting) = (of(&person), of(&other));
    assert_eq!((before.active.as_ref(), &before.waiting), (Some(&active.totp_secret), &None));
    assert_eq!(
        (&before_waiting.active, before_waiting.waiting.as_ref()),
        (&None, Some(&waiting.totp_secret))
    );
    let after = StoredSecret { active: Some("again".to_owned()), ..before.clone() };
    assert_eq!(stores.two_factor.replace_secret(&before, &after).await, Ok(true));
    assert_eq!(stores.two_factor.replace_secret(&before, &after).await, Ok(false));
    assert_eq!(state(stores, &person).await.totp_secret.as_deref(), Some("again"));
    let after = StoredSecret { waiting: Some("again".to_owned()), ..before_waiting.clone() };
    assert_eq!(stores.two_factor.replace_secret(&before_waiting, &after).await, Ok(true));
    let seen = stores.two_factor.enrolment_of(&other.id, now()).await.expect("readable").expect("waits");
    assert_eq!(seen.totp_secret, "again");
}

/// None at first; two who set it from the same reading do not both succeed; changes are told.
pub async fn policies_are_replaced_from_what_was_read(stores: &Stores) {
    let (organization, _) = stores.founded().await;
    let policy = |roles: &[&str], deadline: Option<Timestamp>, updated_at| StoredPolicy {
        org_id: organization.id.clone(),
        policy: TwoFactorPolicy {
            require: true,
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
            deadline,
        },
        updated_at,
    };
    let store = &stores.two_factor_policies;
    assert_eq!(store.policy_of(&organization.id).await, Ok(None));
    let first = policy(&["admin"], Some(in_an_hour()), now());
    stores.leaves(1, store.set_policy(&first, None, trail())).await;
    assert_eq!(store.policy_of(&organization.id).await, Ok(Some(first.clone())));
    let second = policy(&[], None, first.updated_at + MICROSECOND);
    stores.refuses(&organization.id, Refusal::Conflict, store.set_policy(&second, None, trail())).await;
    let other_time = Some(second.updated_at);
    stores.refuses(&organization.id, Refusal::Conflict, store.set_policy(&second, other_time, trail())).await;
    stores.leaves(1, store.set_policy(&second, Some(first.updated_at), trail())).await;
    assert!(store.policies_since(second.updated_at).await.expect("readable").contains(&second));
    let later = store.policies_since(second.updated_at + MICROSECOND).await.expect("readable");
    assert!(!later.iter().any(|stored| stored.org_id == organization.id));
    let nowhere = StoredPolicy { org_id: "org_nowhere".to_owned(), ..second };
    let verb = store.set_policy(&nowhere, None, trail());
    stores.refuses(&organization.id, Refusal::NotFound("organization"), verb).await;
}

/// Page by page, within one organization; the report holds everybody.
pub async fn people_without_are_listed_and_counted(stores: &Stores) {
    let (with, _) = enrolled(stores).await;
    let (org_id, store) = (with.org_id.as_str(), &stores.two_factor_policies);
    let mut without =
        [stores.joined(org_id, &["usher"]).await.id, stores.joined(org_id, &["usher"]).await.id];
    without.sort();
    let page = |after: Option<&str>| Page { limit: 1, after: after.map(str::to_owned) };
    let first = store.people_without(org_id, &page(None)).await.expect("readable");
    let second = store.people_without(org_id, &page(Some(&without[0]))).await.expect("readable");
    assert_eq!([&first[0].id, &second[0].id], [&without[0], &without[1]]);
    assert_eq!(store.people_without(org_id, &page(Some(&without[1]))).await.map(|p| p.len()), Ok(0));
    assert_eq!(store.count_without(org_id).await, Ok(2));
    let everything = Page { limit: 1000, after: None };
    let rows = store.factors(Some(org_id), &everything).await.expect("readable");
    assert_eq!(rows.len(), 3);
    let theirs = rows.iter().find(|row| row.person.id == with.id).expect("listed");
    assert!(theirs.verified_at.is_some() && theirs.person.two_factor_enabled);
    assert_eq!((theirs.recovery_codes_left, theirs.organization.as_str()), (10, "Acme"));
    assert!(store.factors(None, &everything).await.expect("readable").len() > 3);
}

/// Steps and enrolments.
pub async fn what_has_waited_too_long_is_purged(stores: &Stores) {
    let (_, person) = stores.founded().await;
    let step = PendingStep { expires_at: now(), ..step_of(&person, StepPurpose::SetUp, 0) };
    stores.two_factor.begin_step(&step, None).await.expect("stored");
    let over = Enrolment { expires_at: now(), ..enrolment() };
    stores.two_factor.begin_enrolment(&person.id, &over, trail()).await.expect("begun");
    assert!(stores.accounts.purge_expired(now() + MICROSECOND, MOST_WRONG).await.expect("purged") >= 2);
    let gone = stores.two_factor.pending_step(&step.token, StepPurpose::SetUp, Timestamp::EPOCH).await;
    assert_eq!(gone, Ok(None));
    assert_eq!(stores.two_factor.enrolment_of(&person.id, Timestamp::EPOCH).await, Ok(None));
}
