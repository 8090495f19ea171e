use super::*;
use crate::entropy::{OsEntropy, PredictableEntropy};

const RIGHT: &str = "correct horse battery staple";

fn recipe(params: Argon2Params, pepper: Option<u8>) -> Recipe {
    Recipe::new(params, pepper.map(|byte| Secret::new([byte; 32])), &PredictableEntropy::from_seed(1))
}

fn cheap() -> Recipe {
    recipe(Argon2Params::cheap_for_tests(), None)
}

fn secret(password: &str) -> Secret<String> {
    Secret::new(password.to_owned())
}

fn hash(recipe: &Recipe, password: &str) -> String {
    Workbench::new(recipe)
        .hash(&secret(password), random_bytes::<16>(&OsEntropy))
        .expect("possible parameters")
}

fn verify(recipe: &Recipe, password: &str, stored: &str) -> Verdict {
    Workbench::new(recipe).verify(&secret(password), Some(stored))
}

#[test]
fn the_reference_vector_of_the_algorithm_verifies() {
    // RFC 9106 leaves the encoded form open; this pair is from the reference implementation's test suite.
    let stored = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
    assert_eq!(verify(&recipe(Argon2Params::default(), None), "password", stored), Verdict::Match);
    assert_eq!(verify(&recipe(Argon2Params::default(), None), "passwore", stored), Verdict::Mismatch);
}

#[test]
fn the_right_password_matches_and_only_that() {
    let recipe = cheap();
    let stored = hash(&recipe, RIGHT);
    assert!(stored.starts_with("$argon2id$v=19$m=8,t=1,p=1$"), "{stored}");
    assert_eq!(verify(&recipe, RIGHT, &stored), Verdict::Match);
    for wrong in ["", "Correct horse battery staple", "correct horse battery staple ", "correct horse"] {
        assert_eq!(verify(&recipe, wrong, &stored), Verdict::Mismatch, "{wrong:?}");
    }
    assert_ne!(stored, hash(&recipe, RIGHT), "each hash has its own salt");
}

#[test]
fn passwords_that_differ_after_72_bytes_differ() {
    let recipe = cheap();
    let long = "x".repeat(72);
    let stored = hash(&recipe, &long);
    assert_eq!(verify(&recipe, &format!("{long}y"), &stored), Verdict::Mismatch);
}

#[test]
fn over_long_passwords_never_match() {
    let recipe = cheap();
    let long = "x".repeat(MAX_LENGTH + 1);
    assert_eq!(verify(&recipe, &long, &hash(&recipe, &long)), Verdict::Mismatch);
    assert_eq!(verify(&recipe, &long, &hash(&recipe, "")), Verdict::Mismatch, "not even what replaces it");
    let fits = "é".repeat(MAX_LENGTH);
    assert_eq!(verify(&recipe, &fits, &hash(&recipe, &fits)), Verdict::Match);
}

#[test]
fn weaker_or_foreign_parameters_match_but_are_outdated() {
    let stronger = recipe(Argon2Params { m_kib: 16, t: 2, p: 1 }, None);
    let weak = hash(&cheap(), RIGHT);
    assert_eq!(verify(&stronger, RIGHT, &weak), Verdict::MatchOutdated);
    assert_eq!(verify(&stronger, "wrong", &weak), Verdict::Mismatch);
    assert_eq!(verify(&cheap(), RIGHT, &hash(&stronger, RIGHT)), Verdict::Match, "stronger is not outdated");
    let lanes = recipe(Argon2Params { m_kib: 64, t: 2, p: 4 }, None);
    assert_eq!(verify(&stronger, RIGHT, &hash(&lanes, RIGHT)), Verdict::Match);
}

#[test]
fn memory_of_an_earlier_hash_does_not_leak_into_the_next() {
    let recipe = cheap();
    let stored = hash(&recipe, RIGHT);
    let mut bench = Workbench::new(&recipe);
    for wrong in ["a", "b", "c"] {
        assert_eq!(bench.verify(&secret(wrong), Some(&stored)), Verdict::Mismatch);
        assert_eq!(bench.verify(&secret(RIGHT), Some(&stored)), Verdict::Match);
    }
}

#[test]
fn bcrypt_of_an_adopted_database_verifies_and_is_outdated() {
    let recipe = cheap();
    let made = bcrypt::hash_with_result(RIGHT, 4).expect("a hash");
    for version in [bcrypt::Version::TwoA, bcrypt::Version::TwoB, bcrypt::Version::TwoY] {
        let stored = made.format_for_version(version);
        assert_eq!(verify(&recipe, RIGHT, &stored), Verdict::MatchOutdated, "{stored}");
        assert_eq!(verify(&recipe, "wrong", &stored), Verdict::Mismatch);
    }
    assert_eq!(verify(&recipe, RIGHT, &made.format_for_version(bcrypt::Version::TwoX)), Verdict::Mismatch);
}

#[test]
fn bcrypt_looks_at_72_bytes_as_it_did_when_the_hash_was_made() {
    let long = "x".repeat(100);
    let stored = bcrypt::hash(&long, 4).expect("a hash");
    assert_eq!(verify(&cheap(), &long, &stored), Verdict::MatchOutdated);
}

#[test]
fn bcrypt_hashes_made_by_other_programs_verify() {
    for (password, stored) in [
        ("U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
        (RIGHT, "$2b$04$abcdefghijklmnopqrstuu7EJV7kdjBBQxyb0HjTh9KS7.Lah/6CG"),
    ] {
        assert_eq!(verify(&cheap(), password, stored), Verdict::MatchOutdated, "{stored}");
    }
}

#[test]
fn damaged_hashes_and_missing_ones_are_a_mismatch() {
    let recipe = cheap();
    for stored in ["", "!", "$argon2id$", "$2b$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "é"]
    {
        assert_eq!(verify(&recipe, RIGHT, stored), Verdict::Mismatch, "{stored}");
    }
    assert_eq!(Workbench::new(&recipe).verify(&secret(RIGHT), None), Verdict::Mismatch);
}

#[test]
fn the_dummy_costs_the_current_parameters() {
    let recipe = recipe(Argon2Params { m_kib: 64, t: 1, p: 1 }, None);
    let mut bench = Workbench::new(&recipe);
    bench.verify(&secret(RIGHT), None);
    assert_eq!(bench.blocks.len(), 64, "the same memory was worked on");
}

#[test]
fn a_peppered_hash_needs_its_pepper() {
    let params = Argon2Params::cheap_for_tests();
    let (with, other, without) = (recipe(params, Some(1)), recipe(params, Some(2)), cheap());
    let stored = hash(&with, RIGHT);
    assert!(stored.contains(",keyid="), "{stored}");
    assert_eq!(verify(&with, RIGHT, &stored), Verdict::Match);
    assert_eq!(verify(&other, RIGHT, &stored), Verdict::Mismatch);
    assert_eq!(verify(&without, RIGHT, &stored), Verdict::Mismatch);
    assert_eq!(verify(&with, RIGHT, &hash(&without, RIGHT)), Verdict::MatchOutdated, "upgraded on sign-in");
}
