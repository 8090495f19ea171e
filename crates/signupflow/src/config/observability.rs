//! Logs and alarms.

use hardening::secret::Secret;
use url::Url;

use super::reader::Reader;
use super::variable::Allowed::{OneOf, Text};
use super::variable::Fallback::{Nothing, Value};
use super::variable::{Section, Variable};

const LOG_FORMAT: Variable = Variable {
    name: "LOG_FORMAT",
    section: Section::Observability,
    allowed: OneOf(&["pretty", "json"]),
    default: Value("pretty"),
    example: "json",
    description: "Lines for people, or one JSON object a line.",
    secret: false,
};
const SENTRY_DSN: Variable = Variable {
    name: "SENTRY_DSN",
    section: Section::Observability,
    allowed: Text("the DSN of a Sentry project: https://KEY@host/project"),
    default: Nothing,
    example: "https://key@sentry.example.org/1",
    description: "Faults are to be reported there. Has no effect yet: it is checked, and a warning at the start says so.",
    secret: true,
};
const ALERT_WEBHOOK_URL: Variable = Variable {
    name: "ALERT_WEBHOOK_URL",
    section: Section::Observability,
    allowed: Text("an https URL; http only on a loopback address in development"),
    default: Nothing,
    example: "https://hooks.example.org/signupflow",
    description: "Alarms are to be sent there. Has no effect yet: it is checked, and a warning at the start says so.",
    secret: true,
};

pub(super) const VARIABLES: &[&Variable] = &[&LOG_FORMAT, &SENTRY_DSN, &ALERT_WEBHOOK_URL];

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Pretty,
    /// One JSON object a line.
    Json,
}

/// Logs and alarms.
#[derive(Clone, Debug)]
pub struct Observability {
    /// `LOG_FORMAT`.
    pub log_format: LogFormat,
    /// `SENTRY_DSN`.
    pub sentry_dsn: Option<Secret<String>>,
    /// `ALERT_WEBHOOK_URL`.
    pub alert_webhook_url: Option<Secret<String>>,
}

pub(super) fn read(reader: &mut Reader<'_>) -> Observability {
    let local_http = !reader.in_production();
    let observability = Observability {
        log_format: match reader.word(&LOG_FORMAT) {
            Some("json") => LogFormat::Json,
            _ => LogFormat::Pretty,
        },
        sentry_dsn: reader.parsed(&SENTRY_DSN, |text| {
            let url = web_url(text, local_http)?;
            let complete = !url.username().is_empty() && url.path().len() > 1;
            if complete {
                Ok(Secret::new(text.to_owned()))
            } else {
                Err("it lacks the key or the project".to_owned())
            }
        }),
        alert_webhook_url: reader.parsed(&ALERT_WEBHOOK_URL, |text| {
            web_url(text, local_http).map(|_| Secret::new(text.to_owned()))
        }),
    };
    if observability.sentry_dsn.is_some() {
        reader.warn("SENTRY_DSN has no effect yet: faults are in the log and in the metrics only");
    }
    if observability.alert_webhook_url.is_some() {
        reader.warn("ALERT_WEBHOOK_URL has no effect yet: alarms are in the log and in the metrics only");
    }
    observability
}

fn web_url(text: &str, local_http: bool) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("it is not a URL: {error}"))?;
    let local = match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        None => return Err("it names no host".to_owned()),
    };
    match url.scheme() {
        "https" => Ok(url),
        "http" if local && local_http => Ok(url),
        _ => Err("its scheme is not https".to_owned()),
    }
}
