//! The rows of the network section.

use crate::config::variable::Allowed::{Boolean, OneOf, Text};
use crate::config::variable::Fallback::{Derived, Nothing, Value};
use crate::config::variable::{Section, Variable};

pub(super) const BIND_ADDRESS: Variable = Variable {
    name: "BIND_ADDRESS",
    section: Section::Network,
    allowed: Text("an IP address (or localhost) with a port"),
    default: Value("127.0.0.1:8000"),
    example: "0.0.0.0:8000",
    description: "Where the server listens.",
    secret: false,
};
pub(super) const PUBLIC_URL: Variable = Variable {
    name: "PUBLIC_URL",
    section: Section::Network,
    allowed: Text("an http or https origin without a path; https in production"),
    default: Derived("made from `BIND_ADDRESS` in development; needed in production"),
    example: "https://signup.example.org",
    description: "The address that people type. Links in mails and the check of the own origin come from it \
                  alone, never from a Host header.",
    secret: false,
};
pub(super) const TRUSTED_PROXIES: Variable = Variable {
    name: "TRUSTED_PROXIES",
    section: Section::Network,
    allowed: Text("IP addresses and CIDR ranges, comma-separated; no range of everybody (/0)"),
    default: Nothing,
    example: "10.0.0.0/8,fd00::/8",
    description: "The proxies in front of the server. Forwarding headers are believed from them only; when \
                  empty, from nobody.",
    secret: false,
};
pub(super) const TRUSTED_PROXY_HEADER: Variable = Variable {
    name: "TRUSTED_PROXY_HEADER",
    section: Section::Network,
    allowed: OneOf(&["X-Forwarded-For", "Forwarded"]),
    default: Value("X-Forwarded-For"),
    example: "Forwarded",
    description: "The header the proxies write the client's address into. The other one is ignored.",
    secret: false,
};
pub(super) const HTTPS_ONLY: Variable = Variable {
    name: "HTTPS_ONLY",
    section: Section::Network,
    allowed: Text("true or false (also 1/0, yes/no, on/off); true only with an https PUBLIC_URL"),
    default: Derived("true in production, else false"),
    example: "true",
    description: "Redirects pages to https and refuses `/api` over plain http; `/health` and `/ready` are spared.",
    secret: false,
};
pub(super) const SECURE_COOKIES: Variable = Variable {
    name: "SECURE_COOKIES",
    section: Section::Network,
    allowed: Boolean,
    default: Derived("true in production and when `PUBLIC_URL` is https, else false"),
    example: "true",
    description: "Cookies are `Secure` and named `__Host-…`.",
    secret: false,
};
pub(super) const CORS_ALLOWED_ORIGINS: Variable = Variable {
    name: "CORS_ALLOWED_ORIGINS",
    section: Section::Network,
    allowed: Text("exact http or https origins, comma-separated; no wildcard"),
    default: Nothing,
    example: "https://app.example.org,https://admin.example.org",
    description: "Other origins whose pages may call the API.",
    secret: false,
};
pub(super) const METRICS_ADDRESS: Variable = Variable {
    name: "METRICS_ADDRESS",
    section: Section::Network,
    allowed: Text("an IP address (or localhost) with a port, not that of BIND_ADDRESS"),
    default: Nothing,
    example: "127.0.0.1:9100",
    description: "Where `GET /metrics` is served, and nowhere else.",
    secret: false,
};

pub(in crate::config) const VARIABLES: &[&Variable] = &[
    &BIND_ADDRESS,
    &PUBLIC_URL,
    &TRUSTED_PROXIES,
    &TRUSTED_PROXY_HEADER,
    &HTTPS_ONLY,
    &SECURE_COOKIES,
    &CORS_ALLOWED_ORIGINS,
    &METRICS_ADDRESS,
];
