//! Rows as we store them in shared tables: what their constraints must allow. Ids, hashes and words have the lengths they
//! get; free text does not.

use hardening::audit::Action;

const PERSON: &str = "'person_01987654-3210-7000-8000-000000000001'";
const ORGANIZATION: &str = "'org_01987654-3210-7000-8000-000000000001'";
const HASH: &str =
    "'$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'";
const TOKEN: &str = "'gAAAAABrBXwhz1OMqdKYf2rgsdCOaVtZosx_C3CmKWbO91wF1GxeD0fURmVFYPyPTK7fGDhCoW9di1v3oZNu7DBWrj2QvUKldWkrECf_\
                     PjhW8OAp7_K21EZe-mKvBrqy_MEIt_rN-28j'";
const MOMENT: &str = "'2026-01-01 00:00:00.000000'";
const EPOCH: &str = "'1970-01-01 00:00:00.000000'";

/// Columns with their values, as SQL; a column that is not named is NULL, or what it is filled with.
pub(super) type Sample = Vec<(&'static str, String)>;

fn sample(of: &[(&'static str, &str)]) -> Sample {
    of.iter().map(|(column, value)| (*column, (*value).to_owned())).collect()
}

/// The same with other values.
fn but(base: &Sample, other: &[(&'static str, &str)]) -> Sample {
    let kept = base.iter().filter(|(column, _)| other.iter().all(|(name, _)| name != column)).cloned();
    kept.chain(sample(other)).collect()
}

/// The rows for a shared table.
pub(super) fn samples(table: &str) -> Vec<Sample> {
    match table {
        "people" => people(),
        "organizations" => organizations(),
        "user_security_settings" => security_settings(),
        "audit_logs" => audit_rows(),
        _ => Vec::new(),
    }
}

fn people() -> Vec<Sample> {
    let active = sample(&[
        ("id", PERSON),
        ("org_id", ORGANIZATION),
        ("name", "'Ann'"),
        ("email", "'ann@example.com'"),
        ("password_hash", HASH),
        ("roles", "'[\"admin\"]'"),
        ("timezone", "'UTC'"),
        ("language", "'en'"),
        ("status", "'active'"),
        ("created_at", MOMENT),
        ("updated_at", MOMENT),
    ]);
    let locked = but(&active, &[("status", "'locked'"), ("roles", "'[\"volunteer\", \"usher\"]'")]);
    let nobody = [("email", "NULL"), ("password_hash", "NULL"), ("roles", "'[]'")];
    let nobody = but(&active, &nobody);
    let deleted = but(&nobody, &[("status", "'deleted'"), ("name", "'Deleted person'")]);
    let reserved = [
        ("id", "'person_anonymous'"),
        ("org_id", "'org_system'"),
        ("name", "'Anonymous'"),
        ("status", "'reserved'"),
        ("created_at", EPOCH),
        ("updated_at", EPOCH),
    ];
    let reserved = but(&nobody, &reserved);
    vec![active, locked, deleted, reserved]
}

fn organizations() -> Vec<Sample> {
    let active = sample(&[
        ("id", ORGANIZATION),
        ("name", "'Church'"),
        ("status", "'active'"),
        ("created_at", MOMENT),
        ("updated_at", MOMENT),
    ]);
    let deleted = but(&active, &[("status", "'deleted'")]);
    let reserved = [
        ("id", "'org_system'"),
        ("name", "'System'"),
        ("status", "'reserved'"),
        ("created_at", EPOCH),
        ("updated_at", EPOCH),
    ];
    let reserved = but(&active, &reserved);
    vec![active, deleted, reserved]
}

fn security_settings() -> Vec<Sample> {
    let off = sample(&[
        ("user_id", PERSON),
        ("totp_enabled", "0"),
        ("failed_login_attempts", "0"),
        ("created_at", MOMENT),
        ("updated_at", MOMENT),
    ]);
    let on = but(&off, &[("totp_enabled", "1"), ("totp_secret", TOKEN), ("totp_verified_at", MOMENT)]);
    vec![off, on]
}

fn audit_rows() -> Vec<Sample> {
    let base = sample(&[
        ("id", "'audit_01987654-3210-7000-8000-000000000001'"),
        ("timestamp", MOMENT),
        ("org_id", ORGANIZATION),
        ("user_id", PERSON),
        ("user_email", "'ann@example.com'"),
        ("user_roles", "'[\"admin\"]'"),
        ("resource_type", "'session'"),
        ("resource_id", "'session_01987654-3210-7000-8000-000000000001'"),
        ("action", "'auth.login'"),
        ("status", "'success'"),
    ]);
    let erased = [("ip_address", "'[ERASED]'"), ("user_agent", "'[ERASED]'"), ("user_email", "'[ERASED]'")];
    let mut all = vec![but(&base, &[("status", "'partial'")]), but(&base, &erased)];
    let failed = [("status", "'failure'"), ("error_message", "'wrong password'"), ("user_roles", "'[]'")];
    all.push(but(&base, &failed));
    all.extend(Action::ALL.iter().map(|action| but(&base, &[("action", &format!("'{action}'"))])));
    all
}
