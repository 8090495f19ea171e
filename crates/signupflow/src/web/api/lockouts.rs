//! Who is locked out for failed attempts.

use accounts::lockouts;
use accounts::model::{Lock, LockPage};
use axum::extract::State;
use hardening::clock::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::web::extract::SignedIn;
use crate::web::openapi::ProblemBody;
use crate::web::paging::{ListQuery, Listing, judged_limit, read_lock_cursor, write_lock_cursor};
use crate::web::query::Query;
use crate::web::refusals::Outcome;
use crate::web::state::AppState;

/// A lock for failed attempts.
#[derive(Debug, Serialize, ToSchema)]
pub struct LockBody {
    /// `account` (strangers), `device`, `person` (passwords inside a session), `second_factor` (codes while signing in) or
    /// `session_codes` (codes inside a session).
    pub kind: String,
    /// The account, when it is known.
    pub person_id: Option<String>,
    /// The address that was typed.
    pub subject: String,
    /// How many failures led to it.
    pub failures: u32,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub locked_at: Timestamp,
    /// Until when.
    #[schema(value_type = String, format = DateTime)]
    pub locked_until: Timestamp,
}

impl From<Lock> for LockBody {
    fn from(lock: Lock) -> Self {
        Self {
            kind: lock.kind,
            person_id: lock.person_id,
            subject: lock.subject,
            failures: lock.failures,
            locked_at: lock.locked_at,
            locked_until: lock.locked_until,
        }
    }
}

/// Accounts of your organization that are locked for failed attempts right now.
#[utoipa::path(get, path = "/api/lockouts", tag = "people", security(("bearer" = [])), params(ListQuery), responses(
    (status = 200, description = "The one that ends last first", body = Listing<LockBody>),
    (status = "4XX", description = "unauthenticated, forbidden, invalid_input", body = ProblemBody),
))]
pub async fn list(
    State(state): State<AppState>,
    SignedIn(principal): SignedIn,
    Query(query): Query<ListQuery>,
) -> Outcome<axum::Json<Listing<LockBody>>> {
    let limit = judged_limit(query.limit)?;
    let after = query.cursor.as_deref().map(read_lock_cursor).transpose()?;
    let page = LockPage { limit: limit + 1, after };
    let mut locks = lockouts::list(&state.services, &principal, &page).await?;
    let more = locks.len() > limit as usize;
    locks.truncate(limit as usize);
    let next_cursor = locks.last().filter(|_| more).map(write_lock_cursor);
    Ok(axum::Json(Listing { items: locks.into_iter().map(LockBody::from).collect(), next_cursor }))
}
