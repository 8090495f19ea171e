//! Signing in, and being known on the next request.
//!
//! `cargo run -p hardening-tower --example session`, then
//! `TOKEN=$(curl -s -X POST http://127.0.0.1:3000/sign-in)` and
//! `curl -H "Authorization: Bearer $TOKEN" http://127.0.0.1:3000/me`.

#[path = "stores/sessions.rs"]
mod sessions;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Extension, Router};
use hardening::clock::{Clock as _, SystemClock};
use hardening::entropy::{OsEntropy, random_token};
use hardening::keys::KeyRing;
use hardening::session::token::{SessionClaims, TokenKeys};
use hardening::session::{Assurance, ClientDescription, Session, SessionId, SessionStore as _};
use hardening_tower::session::{SessionLayer, SessionState, Transport};

use sessions::SessionMap;

const LIFETIME: Duration = Duration::from_hours(1);

/// A real application asks for a password first.
async fn sign_in(State((store, tokens)): State<(Arc<SessionMap>, TokenKeys)>) -> Result<String, StatusCode> {
    let now = SystemClock.now();
    let session = Session {
        id: SessionId::generate(&OsEntropy),
        person_id: "person_1".into(),
        org_id: "org_1".into(),
        email: "someone@example.com".into(),
        roles: vec![],
        assurance: Assurance::Password,
        credential_epoch: 0,
        created_at: now,
        authenticated_at: now,
        last_activity: now,
        expires_at: now + LIFETIME,
        idle_timeout: Duration::ZERO,
        client: ClientDescription::default(),
    };
    store.create(&session, 5).await.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    let token = tokens.issue(&SessionClaims {
        sub: session.person_id,
        org: session.org_id,
        sid: session.id,
        iat: now.unix_seconds(),
        exp: session.expires_at.unix_seconds(),
    });
    Ok(token.expose().clone())
}

async fn me(Extension(state): Extension<SessionState>) -> Result<String, StatusCode> {
    match state {
        SessionState::SignedIn(session, _) => Ok(format!("You are {}.\n", session.person_id)),
        SessionState::StoreAway(_) => Err(StatusCode::SERVICE_UNAVAILABLE),
        SessionState::Anonymous | SessionState::Invalid(_) => Err(StatusCode::UNAUTHORIZED),
    }
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let ring = KeyRing::new(&random_token(&OsEntropy), None);
    let tokens = TokenKeys::new(&ring, "example".into(), "example".into());
    let store = Arc::new(SessionMap::default());
    let sessions = SessionLayer::new(tokens.clone(), store.clone(), Arc::new(SystemClock), "session", |_| {
        Transport::Bearer
    });
    let app = Router::new()
        .route("/sign-in", post(sign_in))
        .route("/me", get(me))
        .layer(sessions)
        .with_state((store, tokens));
    axum::serve(tokio::net::TcpListener::bind("127.0.0.1:3000").await?, app).await
}
