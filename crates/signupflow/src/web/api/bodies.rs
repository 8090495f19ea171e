//! What goes in and out of several routes.

use accounts::model::{Person, RequiredRole};
use accounts::sign_in::SignedIn;
use accounts::two_factor::FEW_RECOVERY_CODES;
use accounts::two_factor::policy::days_left;
use axum::response::{IntoResponse, Response};
use hardening::clock::Timestamp;
use hardening::secret::Secret;
use hardening::session::token::SessionClaims;
use http::StatusCode;
use http::header::{CACHE_CONTROL, HeaderValue, SET_COOKIE};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::web::cookies;
use crate::web::state::AppState;

/// A password or token in a request: never printed.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = String, format = Password)]
pub struct SecretText(pub Secret<String>);

/// The person who signed in.
#[derive(Debug, Serialize, ToSchema)]
pub struct UserBody {
    /// `person_…`
    pub id: String,
    /// `org_…`
    pub org_id: String,
    /// As typed at signup.
    pub email: Option<String>,
    /// Name.
    pub name: String,
    /// Role names; only `admin` grants rights.
    pub roles: Vec<String>,
}

/// A new session.
#[derive(Debug, Serialize, ToSchema)]
pub struct SignedInBody {
    /// Bearer token: `Authorization: Bearer …`.
    pub token: String,
    /// Send it as `X-CSRF-Token` with every POST, PUT, PATCH and DELETE.
    pub csrf_token: String,
    /// `session_…`
    pub session_id: String,
    /// When the session ends at the latest.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
    /// Keep it and send it at the next sign-in: this device then has its own budget of failures.
    pub device_token: String,
    /// Who signed in.
    pub user: UserBody,
    /// Your organization asks you for a second factor from then on.
    #[serde(rename = "2fa_deadline", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub two_factor_deadline: Option<Timestamp>,
    /// Days until then, begun ones included.
    #[serde(rename = "2fa_days_left", skip_serializing_if = "Option::is_none")]
    pub two_factor_days_left: Option<u64>,
    /// How many recovery codes are left, when one was used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recovery_codes_left: Option<u32>,
    /// What to do when few are left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warning: Option<&'static str>,
}

/// Said when three recovery codes or fewer are left.
pub const FEW_CODES: &str =
    "Few recovery codes are left: make new ones at /api/auth/2fa/regenerate-recovery-codes.";

/// The warning, where it is due.
pub fn few_codes_warning(left: u32) -> Option<&'static str> {
    (left <= FEW_RECOVERY_CODES).then_some(FEW_CODES)
}

/// Tokens of a session.
pub struct IssuedTokens {
    /// Bearer.
    pub token: Secret<String>,
    /// CSRF.
    pub csrf_token: Secret<String>,
}

/// Signs the bearer and the CSRF token of a new session.
pub fn issue_tokens(state: &AppState, signed_in: &SignedIn) -> IssuedTokens {
    let session = &signed_in.session;
    let claims = SessionClaims {
        sub: session.person_id.clone(),
        org: session.org_id.clone(),
        sid: session.id.clone(),
        iat: session.created_at.unix_seconds(),
        exp: session.expires_at.unix_seconds_ceil(),
    };
    let services = &state.services;
    IssuedTokens {
        token: state.tokens.issue(&claims),
        csrf_token: state.csrf.issue(&session.id, services.clock.now(), &*state.nonces),
    }
}

/// The answer to a sign-in or signup, with the device cookie.
pub fn signed_in_response(
    state: &AppState,
    status: StatusCode,
    signed_in: SignedIn,
    recovery_codes_left: Option<u32>,
) -> Response {
    let tokens = issue_tokens(state, &signed_in);
    let SignedIn { session, person, device_token } = signed_in;
    let due = state.services.policies.due(&session);
    let body = SignedInBody {
        token: tokens.token.expose().clone(),
        csrf_token: tokens.csrf_token.expose().clone(),
        session_id: session.id.to_string(),
        expires_at: session.expires_at,
        device_token: device_token.expose().clone(),
        user: UserBody {
            id: person.id,
            org_id: person.org_id,
            email: person.email,
            name: person.name,
            roles: person.roles,
        },
        two_factor_deadline: due,
        two_factor_days_left: due.map(|deadline| days_left(deadline, state.services.clock.now())),
        recovery_codes_left,
        warning: recovery_codes_left.and_then(few_codes_warning),
    };
    with_device_cookie((status, axum::Json(body)).into_response(), state, &device_token)
}

/// Adds the device cookie and forbids caching.
pub fn with_device_cookie(
    mut response: Response,
    state: &AppState,
    device_token: &Secret<String>,
) -> Response {
    if let Some(cookie) = cookies::set_device(device_token.expose(), state.secure_cookies) {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    never_kept(response)
}

/// Forbids caching.
pub fn never_kept(mut response: Response) -> Response {
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A sentence for people.
#[derive(Debug, Serialize, ToSchema)]
pub struct MessageBody {
    /// What was done.
    pub message: String,
}

/// 200 with a sentence.
pub fn message(text: &str) -> axum::Json<MessageBody> {
    axum::Json(MessageBody { message: text.to_owned() })
}

/// A person as admins see them, and everybody themselves.
#[derive(Debug, Serialize, ToSchema)]
pub struct PersonBody {
    /// `person_…`
    pub id: String,
    /// `org_…`
    pub org_id: String,
    /// Name.
    pub name: String,
    /// Role names.
    pub roles: Vec<String>,
    /// Only for admins and oneself.
    #[serde(flatten)]
    pub private: Option<PrivatePersonBody>,
}

/// What only admins and oneself see.
#[derive(Debug, Serialize, ToSchema)]
pub struct PrivatePersonBody {
    /// As typed.
    pub email: Option<String>,
    /// IANA name.
    pub timezone: String,
    /// BCP 47 tag.
    pub language: String,
    /// `active` or `locked`.
    pub status: String,
    /// Whether a second factor is active.
    #[serde(rename = "2fa_enabled")]
    pub two_factor_enabled: bool,
    /// When the account was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it last changed.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
}

impl PersonBody {
    /// Names and roles for everybody, the rest where `whole`.
    pub fn of(person: Person, whole: bool) -> Self {
        let private = whole.then(|| PrivatePersonBody {
            email: person.email,
            timezone: person.timezone,
            language: person.language,
            status: person.status.as_str().to_owned(),
            two_factor_enabled: person.two_factor_enabled,
            created_at: person.created_at,
            updated_at: person.updated_at,
        });
        Self { id: person.id, org_id: person.org_id, name: person.name, roles: person.roles, private }
    }
}

/// How many people of a role an event needs.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RequiredRoleBody {
    /// A role name.
    pub role: String,
    /// 1 to 1000.
    pub count: u32,
}

impl From<RequiredRoleBody> for RequiredRole {
    fn from(body: RequiredRoleBody) -> Self {
        Self { role: body.role, count: body.count }
    }
}

impl From<RequiredRole> for RequiredRoleBody {
    fn from(needed: RequiredRole) -> Self {
        Self { role: needed.role, count: needed.count }
    }
}
