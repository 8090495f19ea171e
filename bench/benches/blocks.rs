//! Each building block alone: `cargo bench -p bench`. Numbers describe a machine; ratios between requests are
//! `make bench`'s business.

use std::convert::Infallible;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use backends::memory::quotas::MemoryQuotas;
use backends::memory::sessions::MemorySessions;
use bench::{person, session};
use criterion::{Criterion, criterion_group, criterion_main};
use hardening::audit::{Action, AuditEvent, Changes, Resource, SealedEvent, Status};
use hardening::client_address::TrustedProxies;
use hardening::clock::{Clock as _, SystemClock};
use hardening::csrf::CsrfKeys;
use hardening::entropy::OsEntropy;
use hardening::headers::{HeaderSettings, SecurityHeaders};
use hardening::keys::KeyRing;
use hardening::rate_limit::{Algorithm, Quota, RuleSet, Settings, headers};
use hardening::sanitise::limited_html;
use hardening::secret::Secret;
use hardening::session::token::{SessionClaims, TokenKeys};
use hardening::session::{SessionId, SessionStore as _};
use hardening::two_factor::{Fernet, RecoveryCode, RecoveryKeys, Totp, TotpSecret, TotpVerdict};
use hardening_tower::request_id::RequestIdLayer;
use hardening_tower::security_headers::SecurityHeadersLayer;
use http::{Request, Response};
use serde_json::json;
use tower::{Layer, Service, service_fn};

const ADDRESS: &str = "https://app.example";

fn ring() -> KeyRing {
    KeyRing::new(&Secret::new("a root secret of 32 characters or more".to_owned()), None)
}

fn tokens(criterion: &mut Criterion) {
    let now = SystemClock.now();
    let sid = SessionId::generate(&OsEntropy);
    let keys = TokenKeys::new(&ring(), ADDRESS.to_owned(), ADDRESS.to_owned());
    let (iat, exp) = (now.unix_seconds(), now.unix_seconds() + 3600);
    let claims = SessionClaims { sub: person(1), org: "org_1".to_owned(), sid: sid.clone(), iat, exp };
    let token = keys.issue(&claims);
    criterion
        .bench_function("session token: verify", |b| b.iter(|| keys.verify(black_box(token.expose()), now)));
    criterion.bench_function("session token: issue", |b| b.iter(|| keys.issue(black_box(&claims))));
    let csrf = CsrfKeys::new(&ring(), Duration::from_hours(1));
    let field = csrf.issue(&sid, now, &OsEntropy);
    criterion.bench_function("CSRF token: verify", |b| {
        b.iter(|| csrf.verify(black_box(Some(field.expose())), &sid, now));
    });
    criterion.bench_function("CSRF token: issue", |b| b.iter(|| csrf.issue(&sid, now, &OsEntropy)));
}

fn stores(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let now = SystemClock.now();
    let (sessions, one) = (MemorySessions::new(), session(&person(1), now));
    runtime.block_on(sessions.create(&one, 10)).expect("room for one");
    criterion.bench_function("session in memory: resume", |b| {
        b.iter(|| runtime.block_on(sessions.resume(&one.person_id, &one.id, now)));
    });
    let quotas = MemoryQuotas::new(100_000);
    let quota = Quota { limit: u32::MAX, window: Duration::from_mins(1) };
    let keys = [("rate_limit:{person_1}:/api/*:reads".to_owned(), quota)];
    criterion.bench_function("quota in memory: take", |b| b.iter(|| quotas.take_now(black_box(&keys), now)));
    let rules = RuleSet::defaults(&Settings::default());
    criterion.bench_function("rules: match a request, name its keys", |b| {
        b.iter(|| {
            let met = rules.matching(Algorithm::Gcra, black_box("GET"), "/api/people/{id}");
            met.map(|(rule, names)| names.key_of(rule, "person_1").len()).sum::<usize>()
        });
    });
    let decision = quotas.take_now(&keys, now);
    criterion.bench_function("rate-limit headers: values", |b| {
        b.iter(|| headers::Numbers::of(&decision, "api-reads", now));
    });
}

fn events(criterion: &mut Criterion) {
    let event = AuditEvent {
        id: "audit_01987654-3210-7000-8000-000000000001".to_owned(),
        timestamp: SystemClock.now(),
        org_id: "org_1".to_owned(),
        user_id: person(1),
        user_email: "ada@example.com".to_owned(),
        user_roles: vec!["admin".to_owned()],
        action: Action::EventCreate,
        resource: Resource::new("event", "event_1").named("Beach cleanup"),
        changes: Some(Changes::created(json!({"title": "Beach cleanup", "type": "service", "location": ""}))),
        ip_address: Some("203.0.113.7".to_owned()),
        user_agent: Some("bench/1.0".to_owned()),
        request_id: Some("0123456789abcdef0123456789abcdef".to_owned()),
        status: Status::Success,
        error_message: None,
    };
    criterion.bench_function("audit event: canonical bytes, commitments, leaf", |b| {
        b.iter(|| SealedEvent::with_salt(black_box(event.clone()), [7; 16]));
    });
    criterion.bench_function("timestamp: text", |b| b.iter(|| black_box(event.timestamp).to_string()));
    let html = "<p>Bring <b>gloves</b> and <script>alert(1)</script> <a href='https://a.example'>see</a></p>";
    criterion.bench_function("limited HTML: sanitise", |b| b.iter(|| limited_html(black_box(html))));
    let (proxies, peer) = (TrustedProxies::default(), "203.0.113.7".parse().expect("an address"));
    criterion.bench_function("client address: resolve", |b| b.iter(|| proxies.resolve(black_box(peer), &[])));
}

fn layers(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let bare = service_fn(async |_: Request<String>| Ok::<_, Infallible>(Response::new(String::new())));
    let mut named = RequestIdLayer::new(Arc::new(OsEntropy)).layer(bare);
    criterion.bench_function("layer: request id", |b| {
        b.iter(|| runtime.block_on(named.call(Request::new(String::new()))));
    });
    let headers = SecurityHeaders::new(&HeaderSettings::default());
    let mut hardened = SecurityHeadersLayer::new(&headers).layer(bare);
    criterion.bench_function("layer: security headers", |b| {
        b.iter(|| runtime.block_on(hardened.call(Request::new(String::new()))));
    });
}

/// What the second step computes beyond the database: at most a millisecond.
fn second_factor(criterion: &mut Criterion) {
    let (now, totp, secret) = (SystemClock.now(), Totp::new(1), TotpSecret::generate(&OsEntropy));
    let fernet = Fernet::new([[2; 32], [1; 32]].map(Secret::new)).expect("two keys");
    let code = totp.code_at(&secret, now);
    let older = Fernet::new([Secret::new([1; 32])]).expect("a key");
    let plain = secret.to_base32();
    let check = |token: &str| {
        let opened = fernet.decrypt(black_box(token)).expect("a key opens it");
        let text = std::str::from_utf8(opened.expose()).expect("Base32");
        let secret = TotpSecret::from_base32(text).expect("Base32");
        assert!(matches!(totp.check(&secret, &code, 0, now), TotpVerdict::Right(_)));
    };
    for (name, keys) in [("first", &fernet), ("older", &older)] {
        let token = keys.encrypt(plain.expose().as_bytes(), now, &OsEntropy);
        let title = format!("second factor: open the secret under the {name} key, check the code");
        criterion.bench_function(&title, |b| b.iter(|| check(&token)));
    }
    let (keys, typed) = (RecoveryKeys::new(&ring()), RecoveryCode::generate(&OsEntropy).to_text());
    criterion.bench_function("recovery code: read it, make its stored form", |b| {
        b.iter(|| {
            let code = RecoveryCode::parse(black_box(typed.expose())).expect("a code");
            keys.candidates("person_1", &code)
        });
    });
}

criterion_group!(blocks, tokens, stores, events, layers, second_factor);
criterion_main!(blocks);
