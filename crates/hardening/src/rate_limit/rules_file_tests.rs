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
    RuleSet::defaults(&Settings::default()).with_file(text)
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
        ("lockout = 60", "algorithm = 'gcra'", 9, "gcra can only count requests"),
        ("lockout = 60", "lockout = 60\nx", 10, ""),
    ] {
        let error = load(&LOGIN.replace(from, to)).expect_err(to);
        assert_eq!(error.line, line, "{to}: {error}");
        assert!(error.reason.contains(word) && !error.reason.contains('\n'), "{to}: {error}");
    }
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
