//! Help, exit codes, and commands that need no database.

use crate::place::Place;

#[test]
fn help_of_every_command_has_an_example() {
    let place = Place::new();
    for command in [
        "",
        "serve",
        "demo",
        "migrate",
        "migrate up",
        "migrate status",
        "migrate down",
        "keys",
        "keys generate",
        "doctor",
        "admin",
        "admin create",
        "admin unlock",
        "admin revoke-sessions",
        "audit",
        "audit list",
        "audit export",
        "passwords",
        "passwords build",
        "completions",
        "openapi",
    ] {
        let arguments: Vec<&str> = command.split_whitespace().chain(["--help"]).collect();
        let help = place.done(&arguments);
        assert!(help.contains("EXAMPLES\n  "), "{command}: {help}");
        assert!(help.contains(&format!("signupflow {command}").trim_end().to_owned()), "{command}");
    }
    assert!(!place.path().join("data").exists(), "help touches nothing");
}

#[test]
fn wrong_usage_ends_with_2() {
    let place = Place::new();
    place.run(&["serv"]).failed(2, "serve");
    place.run(&["audit", "list", "--limit", "0"]).failed(2, "--limit");
    place.run(&["audit", "list", "--since", "yesterday"]).failed(2, "2026-11-24");
    place.run(&["--env-file", "/nonexistent/env", "migrate", "status"]).failed(2, "ENV_FILE");
    place.run(&["--env-file", "x", "demo"]).failed(2, "demo");
}

#[test]
fn a_wrong_setting_ends_with_2_and_names_it() {
    let place = Place::new().with("SESSION_TTL_HOURS", "a day").with("CSRF_TOKEN_TTL", "0");
    for command in ["serve", "migrate up", "audit list", "admin unlock"] {
        let arguments: Vec<&str> = command.split(' ').collect();
        let ended = place.run(&arguments).failed(2, "SESSION_TTL_HOURS");
        assert!(ended.stderr.contains("CSRF_TOKEN_TTL"), "{}", ended.stderr);
    }
}

#[test]
fn a_database_that_is_away_ends_with_3() {
    let port = testkit::free_port::free_tcp_port();
    let place = Place::on_postgres_at(&format!("postgresql://u@127.0.0.1:{port}/d"));
    for command in ["serve", "migrate status", "audit list"] {
        let arguments: Vec<&str> = command.split(' ').collect();
        place.run(&arguments).failed(3, "error: ");
    }
}

#[test]
fn fresh_keys_differ_and_are_accepted() {
    let place = Place::new();
    let (one, other) = (place.done(&["keys", "generate"]), place.done(&["keys", "generate"]));
    assert_ne!(one, other);
    let names: Vec<&str> =
        one.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name).collect();
    assert_eq!(names, ["SECRET_KEY", "TOTP_ENCRYPTION_KEY", "AUDIT_SIGNING_KEY"]);
    std::fs::write(place.path().join("my.env"), one).expect("writable");
    place.done(&["--env-file", "my.env", "migrate", "up"]);
    assert!(!place.path().join("data/secrets.env").exists(), "given keys are used");
}

#[test]
fn completions_for_the_usual_shells() {
    let place = Place::new();
    for (shell, mark) in
        [("bash", "complete "), ("zsh", "#compdef signupflow"), ("fish", "complete -c signupflow")]
    {
        let script = place.done(&["completions", shell]);
        assert!(script.contains(mark) && script.contains("revoke-sessions"), "{shell}");
    }
    place.run(&["completions", "cmd"]).failed(2, "bash");
}

#[test]
fn the_openapi_document_is_printed() {
    let document = Place::new().json(&["openapi"]);
    assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")));
    assert!(document["paths"]["/api/auth/login"]["post"].is_object());
}

#[test]
fn a_reader_that_leaves_is_no_failure() {
    let place = Place::new();
    let script = format!(
        "{} completions bash | head -c 10 >/dev/null; echo ${{PIPESTATUS[0]}}",
        env!("CARGO_BIN_EXE_signupflow")
    );
    let out = std::process::Command::new("bash")
        .args(["-c", &script])
        .current_dir(place.path())
        .output()
        .expect("bash is there");
    assert_eq!(String::from_utf8_lossy(&out.stdout).trim(), "0");
    assert_eq!(String::from_utf8_lossy(&out.stderr), "");
}

#[test]
fn a_list_of_breached_passwords_becomes_a_filter() {
    let place = Place::new();
    std::fs::write(place.path().join("list.txt"), "purple lantern orbiting quietly\nother\nother\n")
        .expect("writable");
    let told = place.json(&["passwords", "build", "list.txt", "--format", "json"]);
    assert_eq!((told["passwords"].as_u64(), told["lines"].as_u64()), (Some(2), Some(3)));
    assert_eq!((told["kind"].as_str(), told["file"].as_str()), (Some("plain"), Some("list.filter")));

    let listed = Place::new()
        .with("BREACHED_PASSWORDS_FILE", place.path().join("list.filter").to_str().expect("UTF-8"));
    let create = ["admin", "create", "--name", "Ada", "--email", "ada@example.org", "--org-name", "Helpers"];
    listed.run_with_input(&create, "purple lantern orbiting quietly\n").failed(1, "data breach");
    listed.run_with_input(&create, "seven wooden kettles hum softly\n").done();

    place.run(&["passwords", "build", "missing.txt"]).failed(2, "missing.txt");
    std::fs::write(place.path().join("empty.txt"), "\n").expect("writable");
    place.run(&["passwords", "build", "empty.txt"]).failed(1, "no password");
    std::fs::write(place.path().join("list.filter"), "damaged").expect("writable");
    listed.run(&["admin", "unlock"]).failed(2, "BREACHED_PASSWORDS_FILE");
}
