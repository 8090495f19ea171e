//! Unsafe requests only from the own origin, and only with the session's token.
//!
//! To keep it short everybody shares one session, and `GET /token` gives its CSRF token away.
//! `cargo run -p hardening-tower --example csrf`, then
//! `curl -X POST http://127.0.0.1:3000/change` (403, token missing),
//! `curl -X POST -H 'Origin: https://evil.example' http://127.0.0.1:3000/change` (403, another site),
//! `curl -X POST -H "X-CSRF-Token: $(curl -s http://127.0.0.1:3000/token)" http://127.0.0.1:3000/change`, and
//! the same as a form: `curl --data-urlencode "csrf_token=$(curl -s http://127.0.0.1:3000/token)"
//! http://127.0.0.1:3000/form`.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::Form;
use axum::routing::{get, post};
use axum::{Extension, Router};
use hardening::clock::{Clock as _, SystemClock};
use hardening::csrf::{CsrfKeys, OriginPolicy};
use hardening::entropy::{OsEntropy, random_token};
use hardening::keys::KeyRing;
use hardening::session::token::SessionClaims;
use hardening::session::{Assurance, ClientDescription, Session, SessionId};
use hardening_tower::Refusal;
use hardening_tower::csrf::{CrossOriginLayer, CsrfPending, CsrfTokenLayer};
use hardening_tower::session::SessionState;

fn everybodys_session() -> SessionState {
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
        expires_at: now + Duration::from_hours(1),
        idle_timeout: Duration::ZERO,
        client: ClientDescription::default(),
    };
    let claims = SessionClaims {
        sub: session.person_id.clone(),
        org: session.org_id.clone(),
        sid: session.id.clone(),
        iat: now.unix_seconds(),
        exp: session.expires_at.unix_seconds(),
    };
    SessionState::SignedIn(Arc::new(session), Arc::new(claims))
}

async fn token(
    Extension(state): Extension<SessionState>,
    Extension(keys): Extension<Arc<CsrfKeys>>,
) -> String {
    match state {
        SessionState::SignedIn(session, _) => {
            keys.issue(&session.id, SystemClock.now(), &OsEntropy).expose().clone()
        }
        _ => String::new(),
    }
}

/// A handler of a form checks the field before anything else.
async fn form(
    pending: Option<Extension<CsrfPending>>,
    Form(fields): Form<HashMap<String, String>>,
) -> axum::response::Response {
    if let Some(Extension(pending)) = pending
        && let Err(reason) = pending.verify(fields.get("csrf_token").map(String::as_str))
    {
        return Refusal::Csrf(reason).into_response();
    }
    axum::response::Response::new("Changed by a form.\n".into())
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let ring = KeyRing::new(&random_token(&OsEntropy), None);
    let keys = Arc::new(CsrfKeys::new(&ring, Duration::from_hours(1)));
    let tokens = CsrfTokenLayer::new(keys.clone(), Arc::new(SystemClock))
        .form_field_where(|parts| parts.uri.path() == "/form");
    let app = Router::new()
        .route("/token", get(token))
        .route("/change", post(async || "Changed.\n"))
        .route("/form", post(form))
        .layer(tokens)
        .layer(Extension(everybodys_session()))
        .layer(Extension(keys))
        .layer(CrossOriginLayer::new(OriginPolicy::new("http://127.0.0.1:3000".into(), vec![])));
    axum::serve(tokio::net::TcpListener::bind("127.0.0.1:3000").await?, app).await
}
