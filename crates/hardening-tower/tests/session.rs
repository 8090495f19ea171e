//! The session layer, from outside.
#![cfg(feature = "session")]
#![expect(clippy::unwrap_used, reason = "a test may panic, also in its helpers")]

#[path = "../examples/stores/sessions.rs"]
mod sessions;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use hardening::clock::{ManualClock, Timestamp};
use hardening::entropy::OsEntropy;
use hardening::fault::Fault;
use hardening::keys::KeyRing;
use hardening::secret::Secret;
use hardening::session::token::{SessionClaims, TokenKeys, TokenRefused};
use hardening::session::{Assurance, ClientDescription, Session, SessionId, SessionStore};
use hardening_tower::Refusal;
use hardening_tower::session::{InvalidSession, SessionLayer, SessionState, Transport};
use http::{Request, Response};
use tower::{Layer as _, ServiceExt as _, service_fn};

use sessions::SessionMap;

const START: Timestamp = Timestamp::from_unix_seconds(1_000_000);

struct World {
    store: Arc<dyn SessionStore>,
    tokens: TokenKeys,
    clock: Arc<ManualClock>,
    session: Session,
    token: String,
}

impl World {
    async fn new(store: Arc<dyn SessionStore>) -> Self {
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
            expires_at: START + Duration::from_hours(1),
            idle_timeout: Duration::from_mins(10),
            client: ClientDescription::default(),
        };
        let ring = KeyRing::new(&Secret::new("root".into()), None);
        let tokens = TokenKeys::new(&ring, "issuer".into(), "audience".into());
        _ = store.create(&session, 5).await;
        let mut world =
            Self { store, tokens, clock: Arc::new(ManualClock::at(START)), session, token: String::new() };
        world.token = world.token_for("person_1", "org_1");
        world
    }

    fn token_for(&self, person: &str, org: &str) -> String {
        let claims = SessionClaims {
            sub: person.into(),
            org: org.into(),
            sid: self.session.id.clone(),
            iat: START.unix_seconds(),
            exp: self.session.expires_at.unix_seconds(),
        };
        self.tokens.issue(&claims).expose().clone()
    }

    async fn call(&self, path: &str, headers: &[(&'static str, &str)]) -> Response<String> {
        let transport = |parts: &http::request::Parts| match parts.uri.path() {
            path if path.starts_with("/api/") => Transport::Bearer,
            path if path.starts_with("/static/") => Transport::None,
            _ => Transport::Cookie,
        };
        let layer = SessionLayer::new(
            self.tokens.clone(),
            self.store.clone(),
            self.clock.clone(),
            "__Host-session",
            transport,
        );
        let service = layer.layer(service_fn(async |request: Request<()>| {
            let state = match request.extensions().get::<SessionState>().unwrap() {
                SessionState::SignedIn(session, claims) if session.person_id == claims.sub => {
                    "signed in".into()
                }
                SessionState::SignedIn(..) => "mixed up".into(),
                SessionState::Anonymous => "anonymous".into(),
                SessionState::Invalid(reason) => format!("{reason:?}"),
                SessionState::StoreAway(_) => "store away".into(),
            };
            Ok::<_, Infallible>(Response::new(state))
        }));
        let mut request = Request::get(path).body(()).unwrap();
        for (name, value) in headers {
            request.headers_mut().append(*name, value.parse().unwrap());
        }
        service.oneshot(request).await.unwrap()
    }

    async fn state(&self, path: &str, headers: &[(&'static str, &str)]) -> String {
        self.call(path, headers).await.into_body()
    }
}

fn invalid(reason: TokenRefused) -> String {
    format!("{:?}", InvalidSession::Token(reason))
}

#[tokio::test]
async fn each_route_reads_its_own_transport_only() {
    let world = World::new(Arc::new(SessionMap::default())).await;
    let bearer = format!("Bearer {}", world.token);
    let cookie = format!("theme=dark; __Host-session={}", world.token);
    let (bearer, cookie) = (("authorization", bearer.as_str()), ("cookie", cookie.as_str()));
    assert_eq!(world.state("/api/x", &[bearer]).await, "signed in");
    assert_eq!(world.state("/page", &[cookie]).await, "signed in");
    assert_eq!(world.state("/api/x", &[cookie]).await, "anonymous");
    assert_eq!(world.state("/page", &[bearer]).await, "anonymous");
    assert_eq!(world.state("/static/x", &[bearer, cookie]).await, "anonymous");
    assert_eq!(world.state("/api/x?token=x", &[]).await, "anonymous");
    let garbage = ("authorization", "Bearer garbage");
    assert_eq!(world.state("/page", &[garbage, cookie]).await, "signed in");
}

#[tokio::test]
async fn worthless_credentials_are_told_from_none() {
    let world = World::new(Arc::new(SessionMap::default())).await;
    let state = async |token: &str| {
        let bearer = format!("Bearer {token}");
        world.state("/api/x", &[("authorization", &bearer)]).await
    };
    assert_eq!(state("garbage").await, invalid(TokenRefused::Malformed));
    assert_eq!(state("").await, invalid(TokenRefused::Malformed));
    assert_eq!(state(&world.token_for("person_2", "org_1")).await, "Gone", "another person's session");
    assert_eq!(state(&world.token_for("person_1", "org_2")).await, "Gone", "another organization's");
    assert_eq!(world.state("/api/x", &[("authorization", "Basic YTpi")]).await, "anonymous");
    world.store.end("person_1", &world.session.id).await.unwrap();
    assert_eq!(state(&world.token).await, "Gone");
}

#[tokio::test]
async fn time_ends_a_session_idle_or_absolute() {
    let world = World::new(Arc::new(SessionMap::default())).await;
    let bearer = format!("Bearer {}", world.token);
    let state = async || world.state("/api/x", &[("authorization", &bearer)]).await;
    for _ in 0..6 {
        world.clock.advance(Duration::from_mins(9));
        assert_eq!(state().await, "signed in", "each request is activity");
    }
    world.clock.advance(Duration::from_mins(6));
    assert_eq!(state().await, invalid(TokenRefused::Expired));
    world.clock.set(START + Duration::from_mins(59));
    assert_eq!(state().await, "signed in");
    let rested = World::new(Arc::new(SessionMap::default())).await;
    rested.clock.advance(Duration::from_mins(10));
    let bearer = format!("Bearer {}", rested.token);
    assert_eq!(rested.state("/api/x", &[("authorization", &bearer)]).await, "Gone");
}

#[tokio::test]
async fn ambiguous_credentials_are_refused() {
    let world = World::new(Arc::new(SessionMap::default())).await;
    let bearer = format!("Bearer {}", world.token);
    let cookie = format!("__Host-session={}", world.token);
    for (path, headers) in [
        ("/api/x", [("authorization", bearer.as_str()), ("authorization", bearer.as_str())]),
        ("/api/x", [("authorization", bearer.as_str()), ("authorization", "Basic YTpi")]),
        ("/page", [("cookie", cookie.as_str()), ("cookie", "__Host-session=tossed")]),
    ] {
        let response = world.call(path, &headers).await;
        assert_eq!(response.status(), 400);
        assert_eq!(response.extensions().get::<Refusal>(), Some(&Refusal::AmbiguousCredentials));
        assert!(response.headers().contains_key("www-authenticate"));
    }
    let look_alike = [("cookie", cookie.as_str()), ("cookie", "__host-session=tossed")];
    assert_eq!(world.state("/page", &look_alike).await, "signed in");
}

/// A store whose backend is away.
struct Away;

#[async_trait]
impl SessionStore for Away {
    async fn create(&self, _: &Session, _: u32) -> Result<Vec<SessionId>, Fault> {
        Err(Fault::unavailable("redis", "refused"))
    }
    async fn resume(&self, _: &str, _: &SessionId, _: Timestamp) -> Result<Option<Session>, Fault> {
        Err(Fault::unavailable("redis", "refused"))
    }
    async fn mark_authenticated(&self, _: &str, _: &SessionId, _: Timestamp) -> Result<bool, Fault> {
        Err(Fault::unavailable("redis", "refused"))
    }
    async fn end(&self, _: &str, _: &SessionId) -> Result<bool, Fault> {
        Err(Fault::unavailable("redis", "refused"))
    }
    async fn end_all_of(&self, _: &str, _: Option<&SessionId>) -> Result<Vec<SessionId>, Fault> {
        Err(Fault::unavailable("redis", "refused"))
    }
    async fn end_older_epochs(&self, _: &str, _: i64) -> Result<Vec<SessionId>, Fault> {
        Err(Fault::unavailable("redis", "refused"))
    }
    async fn list_of(&self, _: &str, _: Timestamp) -> Result<Vec<Session>, Fault> {
        Err(Fault::unavailable("redis", "refused"))
    }
}

#[tokio::test]
async fn a_store_that_is_away_signs_nobody_in_and_nobody_out() {
    let world = World::new(Arc::new(Away)).await;
    let bearer = format!("Bearer {}", world.token);
    assert_eq!(world.state("/api/x", &[("authorization", &bearer)]).await, "store away");
    assert_eq!(world.state("/api/x", &[]).await, "anonymous", "strangers need no store");
}

#[cfg(feature = "rate_limit")]
mod with_limits {
    use std::sync::Mutex;

    use hardening::rate_limit::{Decision, Quota, QuotaStore};
    use hardening_tower::rate_limit::{RateLimitLayer, TrafficLimits, TrafficTaken};

    use super::*;

    const MINE: Quota = Quota { limit: 2, window: Duration::from_mins(1) };

    /// Grants what is left of ten, and notes which keys were asked for.
    #[derive(Default)]
    struct Counted {
        asked: Mutex<Vec<String>>,
    }

    #[async_trait]
    impl QuotaStore for Counted {
        async fn take(&self, keys: &[(String, Quota)], now: Timestamp) -> Result<Decision, Fault> {
            let mut asked = self.asked.lock().unwrap();
            asked.extend(keys.iter().map(|(key, _)| key.clone()));
            let taken = asked.iter().filter(|key| **key == keys[0].0).count();
            let quota = keys[0].1;
            let left = usize::try_from(quota.limit).unwrap().checked_sub(taken);
            Ok(Decision {
                allowed: left.is_some(),
                limit: quota.limit,
                remaining: left.unwrap_or(0).try_into().unwrap(),
                window: quota.window,
                reset_at: now + quota.window,
                retry_after: left.is_none().then_some(quota.window),
                policy: 0,
            })
        }
    }

    /// The session layer takes for persons, the rate limit layer for whoever is left.
    async fn call(world: &World, quotas: &Arc<Counted>, method: &str, bearer: &str) -> Response<String> {
        let sessions = SessionLayer::new(
            world.tokens.clone(),
            world.store.clone(),
            world.clock.clone(),
            "session",
            |_: &http::request::Parts| Transport::Bearer,
        )
        .with_limits(quotas.clone(), |parts, claims| {
            let limits = || TrafficLimits::default().and("mine", &claims.sub, MINE);
            (parts.method == http::Method::GET).then(limits)
        });
        let strangers =
            RateLimitLayer::new(quotas.clone(), world.clock.clone(), |_: &http::request::Parts| {
                Some(TrafficLimits::default().and("strangers", "strangers", Quota { limit: 9, ..MINE }))
            });
        let inner = service_fn(async |request: Request<()>| {
            assert!(request.extensions().get::<TrafficTaken>().is_none(), "used up by the layer");
            Ok::<_, Infallible>(Response::new("done".to_owned()))
        });
        let request = Request::builder()
            .method(method)
            .uri("/api/x")
            .header("authorization", format!("Bearer {bearer}"));
        sessions.layer(strangers.layer(inner)).oneshot(request.body(()).unwrap()).await.unwrap()
    }

    fn text<'a>(response: &'a Response<String>, name: &str) -> &'a str {
        response.headers().get(name).map_or("", |value| value.to_str().unwrap())
    }

    #[tokio::test]
    async fn what_came_with_the_session_is_not_taken_again_and_refuses_the_same() {
        let world = World::new(Arc::new(SessionMap::default())).await;
        let quotas = Arc::new(Counted::default());
        for left in ["1", "0"] {
            let response = call(&world, &quotas, "GET", &world.token).await;
            assert_eq!((response.status().as_u16(), text(&response, "x-ratelimit-remaining")), (200, left));
            assert_eq!(text(&response, "ratelimit-policy"), "\"mine\";q=2;w=60");
        }
        let refused = call(&world, &quotas, "GET", &world.token).await;
        assert_eq!((refused.status().as_u16(), text(&refused, "retry-after")), (429, "60"));
        assert!(matches!(refused.extensions().get(), Some(Refusal::RateLimited(d)) if d.limit == 2));
        assert_eq!(*quotas.asked.lock().unwrap(), ["person_1"; 3]);
    }

    #[tokio::test]
    async fn without_a_live_session_of_that_organization_strangers_limits_apply() {
        let world = World::new(Arc::new(SessionMap::default())).await;
        for bearer in ["garbage".to_owned(), world.token_for("person_2", "org_1")] {
            let quotas = Arc::new(Counted::default());
            let response = call(&world, &quotas, "GET", &bearer).await;
            assert_eq!(text(&response, "x-ratelimit-limit"), "9");
            assert_eq!(*quotas.asked.lock().unwrap(), ["strangers"]);
        }
        let quotas = Arc::new(Counted::default());
        let response = call(&world, &quotas, "GET", &world.token_for("person_1", "org_2")).await;
        assert_eq!(text(&response, "x-ratelimit-limit"), "9");
        let quotas = Arc::new(Counted::default());
        let response = call(&world, &quotas, "POST", &world.token).await;
        assert_eq!(text(&response, "x-ratelimit-limit"), "9", "none were named with the session");
    }
}
