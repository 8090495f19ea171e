use std::sync::{Arc, Mutex};

use proptest::prelude::*;
use serde_json::Value;

use super::*;

const NASTY: &str = "a\nb\r\n2026-01-01T00:00:00Z ERROR forged \u{1b}[31m\u{9b}2J \u{202e}desrever \u{200b}\u{2028}\u{7f}\0{\"level\":\"INFO\"}\u{e0041}";

#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl io::Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What `act` logs, in `format` and under `filter`.
fn logged(format: LogFormat, filter: &str, act: impl FnOnce()) -> String {
    let kept = Kept::default();
    let writer = kept.clone();
    let layer = lines(format, false, move || writer.clone());
    let filter = env_filter(Some(filter)).unwrap().and(FilterFn::new(is_discreet));
    let subscriber = tracing_subscriber::registry().with(layer.with_filter(filter));
    tracing::subscriber::with_default(subscriber, act);
    String::from_utf8(kept.0.lock().unwrap().clone()).unwrap()
}

fn say(value: &str) {
    let _span = tracing::info_span!("request", display = %value, debug = ?value, text = value).entered();
    tracing::info!(display = %value, debug = ?value, text = value, "said {value}");
}

fn assert_one_safe_line(log: &str) {
    assert!(log.ends_with('\n'), "{log:?}");
    assert!(!log.trim_end_matches('\n').chars().any(is_unsafe), "{log:?}");
    assert_eq!(log.matches('\n').count(), 1);
}

#[test]
fn nasty_values_stay_inside_one_json_object() {
    let log = logged(LogFormat::Json, "info", || say(NASTY));
    assert_one_safe_line(&log);
    let line: Value = serde_json::from_str(&log).unwrap();
    assert_eq!(line["level"], "INFO");
    assert_eq!(line["text"], NASTY);
    assert_eq!(line["display"], NASTY);
    assert_eq!(line["message"], format!("said {NASTY}"));
    assert_eq!(line["span"]["text"], NASTY);
}

#[test]
fn nasty_values_stay_inside_one_pretty_line() {
    let log = logged(LogFormat::Pretty, "info", || say(NASTY));
    assert_one_safe_line(&log);
    assert!(log.contains("said a\\nb\\r\\n2026") && log.contains("\\u{202e}desrever"), "{log}");
}

#[test]
fn the_filter_holds_and_defaults_to_info() {
    let act = || {
        tracing::debug!("quiet");
        tracing::info!("loud");
    };
    let log = logged(LogFormat::Pretty, " ", act);
    assert!(log.contains("loud") && !log.contains("quiet"));
    assert!(logged(LogFormat::Pretty, "debug", act).contains("quiet"));
    assert!(env_filter(Some("=!!=")).is_err());
}

#[test]
fn dependencies_that_see_secrets_never_say_more_than_info() {
    let log = logged(LogFormat::Pretty, "trace,tokio_postgres::query=trace", || {
        tracing::debug!(target: "tokio_postgres::query", "parameters: hunter2");
        tracing::trace!(target: "h2", "authorization: hunter2");
        tracing::warn!(target: "h2", "a warning");
    });
    assert!(!log.contains("hunter2") && log.contains("a warning"), "{log}");
}

#[test]
fn formats_have_names() {
    assert_eq!("json".parse(), Ok(LogFormat::Json));
    assert_eq!("pretty".parse(), Ok(LogFormat::Pretty));
    assert_eq!("JSON ".parse::<LogFormat>(), Err(UnknownFormat));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_value_stays_inside_its_line(value in any::<String>()) {
        let log = logged(LogFormat::Json, "info", || say(&value));
        assert_one_safe_line(&log);
        let line: Value = serde_json::from_str(&log).unwrap();
        prop_assert_eq!(&line["text"], &value);
        assert_one_safe_line(&logged(LogFormat::Pretty, "info", || say(&value)));
    }
}
