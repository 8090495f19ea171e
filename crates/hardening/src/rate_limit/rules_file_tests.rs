use super::super::Settings;
use super::*;
use proptest::prelude::*;

const LOGIN: &str = r#"
[[rule]]
route = "/api/auth/login"
methods = ["POST"]
limit = 10
window = "5m"
per = "account"
count = "failures"
lockout = 60
"#;

fn load(text: &str) -> Result<RuleSet, RuleFileError> {
    let known = |route: &str| match route {
        "/api/nowhere" => Err("there is no /api/nowhere".to_owned()),
        _ => Ok(()),
    };
    RuleSet::defaults(&Settings::default()).with_file(text, known)
}

fn rule(route: &str, rest: &str) -> String {
    format!("[[rule]]\nroute = '{route}'\nlimit = 7\nwindow = 60\n{rest}")
}

#[test]
fn a_rule_in_the_same_place_replaces() {
    let before = RuleSet::defaults(&Settings::default());
    let after = load(LOGIN).expect("valid");
    assert_eq!(after.rules().len(), before.rules().len());
    let login = after.find("POST", "/api/auth/login", Per::Account, Count::Failures).expect("login");
    assert_eq!((login.limit, login.window.as_secs(), login.lockout), (10, 300, Some(Duration::from_mins(1))));
    assert_eq!(login.algorithm, Algorithm::SlidingWindow);
    let device = after.find("POST", "/api/auth/login", Per::Device, Count::Failures).expect("device");
    assert_eq!(device.limit, 5);
}

#[test]
fn other_rules_are_added_and_come_first() {
    let rules = load(
        "[[rule]]\nroute = '/api/audit/*'\nmethods = ['GET', 'HEAD']\nlimit = 7\nwindow = 60\nper = 'person'\ncount = 'requests'",
    )
    .expect("valid");
    let met = rules.find("GET", "/api/audit/logs", Per::Person, Count::Requests).expect("a rule");
    assert_eq!((met.limit, met.algorithm), (7, Algorithm::Gcra));
    assert_eq!(rules.rules()[0].limit, 7);
}

#[test]
fn an_empty_file_changes_nothing() {
    assert_eq!(load("# nothing yet\n"), Ok(RuleSet::defaults(&Settings::default())));
}

#[test]
fn mistakes_are_refused_with_line_and_reason() {
    for (from, to, line, word) in [
        ("limit = 10", "limit = 0", 5, "limit must be between 1 and 10000"),
        ("limit = 10", "limit = 10001", 5, "limit must be"),
        ("limit = 10", "limit = -1", 5, ""),
        ("limit = 10", "limit = 'ten'", 5, "string"),
        ("limit = 10", "", 2, "limit"),
        ("\"5m\"", "\"5 minutes\"", 6, "expected seconds"),
        ("\"5m\"", "0", 6, "window must be"),
        ("\"5m\"", "\"99999999999999999999d\"", 6, "expected seconds"),
        ("lockout = 60", "lockout = '400d'", 9, "lockout must be"),
        ("lockout = 60", "lokout = 60", 9, "lokout"),
        ("\"account\"", "\"galaxy\"", 7, "galaxy"),
        ("\"failures\"", "\"sighs\"", 8, "sighs"),
        ("[\"POST\"]", "[\"BREW\"]", 4, "methods must be"),
        ("[\"POST\"]", "[]", 4, "methods must be"),
        ("\"/api/auth/login\"", "\"api/auth/login\"", 3, "route must be"),
        ("\"/api/auth/login\"", "\"/api/*/login\"", 3, "route must be"),
        ("\"/api/auth/login\"", "\"/api/nowhere\"", 3, "there is no /api/nowhere"),
        ("lockout = 60", "algorithm = 'gcra'", 7, "algorithm must be left out"),
        ("lockout = 60", "lockout = 60\nx", 10, ""),
    ] {
        let error = load(&LOGIN.replace(from, to)).expect_err(to);
        assert_eq!(error.line, line, "{to}: {error}");
        assert!(error.reason.contains(word) && !error.reason.contains('\n'), "{to}: {error}");
    }
}

#[test]
fn a_rule_that_names_no_algorithm_takes_the_place_of_the_one_it_replaces() {
    for (route, rest, per) in [
        ("/api/invitations", "methods = ['POST']\nper = 'org'\ncount = 'requests'", Per::Org),
        ("/api/auth/password-reset-request", "per = 'ip'\ncount = 'requests'", Per::Ip),
        (
            "/api/auth/password-reset-request",
            "methods = ['POST']\nper = 'email'\ncount = 'requests'",
            Per::Email,
        ),
    ] {
        let rules = load(&rule(route, rest)).expect(route);
        let exact: Vec<_> = rules
            .matching(Algorithm::SlidingWindow, "POST", route)
            .filter(|(rule, _)| rule.per == per)
            .map(|(rule, _)| rule.limit)
            .collect();
        assert_eq!(exact, [7], "{route} {per:?}");
    }
}

#[test]
fn traffic_never_takes_the_place_of_an_exact_limit() {
    let route = "/api/auth/password-reset-request";
    let text = rule(route, "methods = ['POST']\nper = 'ip'\ncount = 'requests'\nalgorithm = 'gcra'");
    let rules = load(&text).expect("both are kept");
    for (algorithm, limit) in [(Algorithm::SlidingWindow, 10), (Algorithm::Gcra, 7)] {
        let met = rules.matching(algorithm, "POST", route).find(|(rule, _)| rule.per == Per::Ip);
        assert_eq!(met.map(|(rule, _)| rule.limit), Some(limit), "{algorithm:?}");
    }
}

#[test]
fn what_would_have_no_effect_is_refused() {
    for (route, rest, line, reason) in [
        (
            "/api/auth/login",
            "per = 'email'\ncount = 'failures'",
            5,
            "counted per account, device, ip, system, not per email",
        ),
        ("/api/auth/login", "per = 'person'\ncount = 'requests'", 5, "not per person"),
        ("/api/auth/login", "per = 'ip'\ncount = 'failures'\nmethods = ['GET']", 7, "methods must be"),
        ("/api/auth/2fa/verify", "per = 'device'\ncount = 'failures'", 5, "not per device"),
        (
            "/api/auth/password-reset-request",
            "per = 'ip'\ncount = 'failures'",
            6,
            "nothing is counted as a failure",
        ),
        ("session-password-check", "per = 'ip'\ncount = 'failures'", 5, "counted per person, not per ip"),
        ("session-code-check", "per = 'person'\ncount = 'requests'\nalgorithm = 'gcra'", 5, "left out"),
        ("system-reset-mails", "per = 'person'\ncount = 'requests'", 5, "counted per system"),
        ("system-reset-mails", "per = 'system'\ncount = 'requests'\nmethods = ['GET']", 7, "hold POST"),
        ("/api/events", "per = 'account'\ncount = 'requests'", 5, "not per account"),
        ("/api/events", "per = 'person'\ncount = 'successes'", 6, "can only count requests"),
        ("/api/events", "per = 'person'\ncount = 'requests'\nlockout = 60", 7, "has no lockout"),
        ("/api/events", "per = 'ip'\ncount = 'requests'\nalgorithm = 'sliding-window'", 7, "is only for"),
        ("/api/auth/*", "per = 'ip'\ncount = 'failures'", 6, "can only count requests"),
    ] {
        let error = load(&rule(route, rest)).expect_err(rest);
        assert!(error.reason.contains(reason), "{route} {rest}: {error}");
        assert_eq!(error.line, line, "{route} {rest}: {error}");
    }
}

#[test]
fn every_default_rule_is_honoured() {
    for rule in RuleSet::defaults(&Settings::default()).rules() {
        assert_eq!(honoured::refusal(rule), None, "{rule:?}");
    }
}

#[test]
fn only_the_general_rule_per_address_spares_who_is_signed_in() {
    let rules = load(&rule("/api/events", "per = 'ip'\ncount = 'requests'")).expect("valid");
    let per_ip = |route| rules.find("GET", route, Per::Ip, Count::Requests).map(Rule::spares_sessions);
    assert_eq!((per_ip("/api/events"), per_ip("/api/teams")), (Some(false), Some(true)));
}

#[test]
fn the_same_rule_twice_is_refused() {
    let error = load(&format!("{LOGIN}{LOGIN}")).expect_err("twice");
    assert!(error.line >= 10 && error.reason.contains("earlier"), "{error}");
}

proptest! {
    #[test]
    fn no_file_makes_it_panic(text in "(\\[\\[rule\\]\\]\n)?(route|limit|window|per|x) = ['\"0-9a-zé*\\[\\]\n]{0,20}") {
        let _ = load(&text);
    }
}
