//! Both CSRF layers, from outside: every cell of the matrix, and only the designed ones pass.
#![cfg(feature = "csrf")]
#![expect(clippy::unwrap_used, reason = "a test may panic, also in its helpers")]

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use hardening::clock::{ManualClock, Timestamp};
use hardening::csrf::{CsrfKeys, CsrfRefusal, OriginPolicy};
use hardening::entropy::OsEntropy;
use hardening::keys::KeyRing;
use hardening::secret::Secret;
use hardening::session::token::SessionClaims;
use hardening::session::{Assurance, ClientDescription, Session, SessionId};
use hardening_tower::Refusal;
use hardening_tower::csrf::{CrossOriginLayer, CsrfPending, CsrfTokenLayer};
use hardening_tower::session::SessionState;
use http::{Request, Response};
use tower::{Layer as _, ServiceBuilder, ServiceExt as _, service_fn};

const START: Timestamp = Timestamp::from_unix_seconds(1_000_000);
const FORM: &str = "application/x-www-form-urlencoded";
const TTL: Duration = Duration::from_hours(1);

struct World {
    keys: Arc<CsrfKeys>,
    clock: Arc<ManualClock>,
    session: Session,
    reached: AtomicU32,
}

impl World {
    fn new() -> Self {
        let ring = KeyRing::new(&Secret::new("root".into()), None);
        let session = Session {
            id: SessionId::generate(&OsEntropy),
            person_id: "person_1".into(),
            org_id: "org_1".into(),
            email: "a@example.com".into(),
            roles: vec![],
            assurance: Assurance::Password,
            credential_epoch: 0,
            created_at: START,
            authenticated_at: START,
            last_activity: START,
            expires_at: START + TTL,
            idle_timeout: Duration::ZERO,
            client: ClientDescription::default(),
        };
        Self {
            keys: Arc::new(CsrfKeys::new(&ring, TTL)),
            clock: Arc::new(ManualClock::at(START)),
            session,
            reached: AtomicU32::new(0),
        }
    }

    fn token(&self) -> String {
        self.keys.issue(&self.session.id, START, &OsEntropy).expose().clone()
    }

    fn signed_in(&self) -> SessionState {
        let claims = SessionClaims {
            sub: self.session.person_id.clone(),
            org: self.session.org_id.clone(),
            sid: self.session.id.clone(),
            iat: 0,
            exp: 0,
        };
        SessionState::SignedIn(Arc::new(self.session.clone()), Arc::new(claims))
    }

    /// A handler that reads its form's field from the body, and does the deed when the token is good. On
    /// `/careless` it does not look; on `/denied` it answers 404.
    fn handle(&self, request: &Request<String>) -> Response<String> {
        if let Some(pending) = request.extensions().get::<CsrfPending>() {
            let field = request.body().strip_prefix("csrf_token=");
            let path = request.uri().path();
            if path == "/denied" {
                return Response::builder().status(404).body("no such thing".into()).unwrap();
            }
            if path != "/careless"
                && let Err(reason) = pending.verify(field)
            {
                return Refusal::Csrf(reason).into_response();
            }
        }
        self.reached.fetch_add(1, Ordering::SeqCst);
        Response::new("done".into())
    }

    async fn call(&self, request: Request<String>) -> Response<String> {
        let layer = CsrfTokenLayer::new(self.keys.clone(), self.clock.clone())
            .form_field_where(|parts| !parts.uri.path().starts_with("/api/"));
        let service = layer.layer(service_fn(async |request| Ok::<_, Infallible>(self.handle(&request))));
        service.oneshot(request).await.unwrap()
    }

    async fn outcome(&self, request: Request<String>) -> Option<CsrfRefusal> {
        let response = self.call(request).await;
        let Some(Refusal::Csrf(reason)) = response.extensions().get::<Refusal>() else {
            assert_eq!(response.status(), 200);
            return None;
        };
        assert_eq!(response.status(), 403);
        assert!(response.body().starts_with(&reason.to_string()));
        Some(*reason)
    }
}

fn request(method: &str, path: &str, headers: &[(&str, &str)], state: SessionState) -> Request<String> {
    let mut request = Request::builder().method(method).uri(path).extension(state);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(String::new()).unwrap()
}

/// Path, headers, and what must come of them.
type Cell<'a> = (&'a str, &'a [(&'a str, &'a str)], Option<CsrfRefusal>);

#[tokio::test]
async fn tokens_by_methods_and_content_types() {
    let world = World::new();
    let good = world.token();
    let other_session =
        world.keys.issue(&SessionId::generate(&OsEntropy), START, &OsEntropy).expose().clone();
    let truncated = &good[..good.len() - 1];
    let cookie = format!("csrf_token={good}");
    let query = format!("/api/x?csrf_token={good}&_csrf={good}");
    let cells: &[Cell<'_>] = &[
        ("/api/x", &[], Some(CsrfRefusal::Missing)),
        ("/api/x", &[("x-csrf-token", "")], Some(CsrfRefusal::Missing)),
        ("/api/x", &[("x-csrf-token", &good)], None),
        ("/api/x", &[("x-csrf-token", &other_session)], Some(CsrfRefusal::Invalid)),
        ("/api/x", &[("x-csrf-token", truncated)], Some(CsrfRefusal::Invalid)),
        ("/api/x", &[("x-csrf-token", &good), ("x-csrf-token", &good)], Some(CsrfRefusal::Invalid)),
        ("/api/x", &[("cookie", &cookie)], Some(CsrfRefusal::Missing)),
        (&query, &[], Some(CsrfRefusal::Missing)),
        ("/api/x", &[("x-http-method-override", "GET")], Some(CsrfRefusal::Missing)),
    ];
    for method in ["POST", "PUT", "PATCH", "DELETE", "PROPFIND", "get"] {
        for content_type in
            ["application/json", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"]
        {
            for (path, headers, expected) in cells {
                let mut headers = headers.to_vec();
                headers.push(("content-type", content_type));
                let outcome = world.outcome(request(method, path, &headers, world.signed_in())).await;
                assert_eq!(outcome, *expected, "{method} {content_type} {path} {headers:?}");
            }
        }
    }
    assert_eq!(world.reached.load(Ordering::SeqCst), 6 * 4, "only the good token does the deed");
}

#[tokio::test]
async fn safe_methods_and_requests_without_a_session_need_none() {
    let world = World::new();
    for method in ["GET", "HEAD", "OPTIONS"] {
        assert_eq!(world.outcome(request(method, "/api/x", &[], world.signed_in())).await, None);
    }
    assert_eq!(world.outcome(request("POST", "/api/x", &[], SessionState::Anonymous)).await, None);
}

#[tokio::test]
async fn tokens_expire() {
    let world = World::new();
    let token = world.token();
    world.clock.advance(TTL);
    let late = request("POST", "/api/x", &[("x-csrf-token", &token)], world.signed_in());
    assert_eq!(world.outcome(late).await, Some(CsrfRefusal::Expired));
}

#[tokio::test]
async fn forms_are_checked_by_their_handler_or_not_answered() {
    let world = World::new();
    let form = |path: &str, content_type: &str, body: String| {
        let mut form = request("POST", path, &[("content-type", content_type)], world.signed_in());
        *form.body_mut() = body;
        form
    };
    let field = || format!("csrf_token={}", world.token());
    assert_eq!(world.outcome(form("/page", FORM, field())).await, None);
    assert_eq!(world.outcome(form("/page", "Multipart/Form-Data; boundary=x", field())).await, None);
    assert_eq!(world.outcome(form("/page", FORM, String::new())).await, Some(CsrfRefusal::Missing));
    assert_eq!(world.outcome(form("/page", FORM, "csrf_token=x".into())).await, Some(CsrfRefusal::Invalid));
    assert_eq!(world.outcome(form("/page", "text/plain", field())).await, Some(CsrfRefusal::Missing));
    assert_eq!(world.outcome(form("/api/x", FORM, field())).await, Some(CsrfRefusal::Missing));
    assert_eq!(world.outcome(form("/careless", FORM, field())).await, Some(CsrfRefusal::Missing));
    assert_eq!(world.call(form("/denied", FORM, String::new())).await.status(), 404);
    let mut with_header = form("/careless", FORM, String::new());
    with_header.headers_mut().insert("x-csrf-token", world.token().parse().unwrap());
    assert_eq!(world.outcome(with_header).await, None, "the header is checked by the layer");
    let none = CsrfTokenLayer::new(world.keys.clone(), world.clock.clone());
    let service = none.layer(service_fn(async |_| Ok::<_, Infallible>(Response::new(String::new()))));
    assert_eq!(
        service.oneshot(form("/page", FORM, field())).await.unwrap().status(),
        403,
        "no form routes named"
    );
}

async fn from(method: &str, headers: &[(&str, &str)]) -> Response<String> {
    let policy = OriginPolicy::new("https://app.example".into(), vec!["https://partner.example".into()]);
    let service = ServiceBuilder::new().layer(CrossOriginLayer::new(policy)).service(service_fn(
        async |_: Request<String>| Ok::<_, Infallible>(Response::new("done".to_owned())),
    ));
    service.oneshot(request(method, "/api/auth/login", headers, SessionState::Anonymous)).await.unwrap()
}

#[tokio::test]
async fn other_sites_are_refused_also_where_no_session_is() {
    for headers in [
        &[("origin", "https://evil.example")][..],
        &[("origin", "null")],
        &[("origin", "http://app.example")],
        &[("origin", "https://app.example:8443")],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
        &[("sec-fetch-site", "same-origin"), ("sec-fetch-site", "same-origin")],
        &[("origin", "https://app.example"), ("origin", "https://app.example")],
        &[
            ("sec-fetch-site", "cross-site"),
            ("origin", "https://evil.example"),
            ("x-http-method-override", "GET"),
        ],
    ] {
        for method in ["POST", "PUT", "PATCH", "DELETE"] {
            let response = from(method, headers).await;
            assert_eq!(response.status(), 403, "{method} {headers:?}");
            assert_eq!(response.extensions().get::<Refusal>(), Some(&Refusal::CrossOrigin));
        }
        for method in ["GET", "HEAD", "OPTIONS"] {
            assert_eq!(from(method, headers).await.status(), 200, "{method} {headers:?}");
        }
    }
    for headers in [
        &[][..],
        &[("origin", "https://app.example")],
        &[("sec-fetch-site", "same-origin")],
        &[("sec-fetch-site", "none")],
        &[("sec-fetch-site", "cross-site"), ("origin", "https://partner.example")],
    ] {
        assert_eq!(from("POST", headers).await.status(), 200, "{headers:?}");
    }
}
