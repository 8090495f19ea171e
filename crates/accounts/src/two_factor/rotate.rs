//! Putting stored secrets under the newest `TOTP_ENCRYPTION_KEY`, while the server runs.

use hardening::audit::{Action, Changes, Resource, SYSTEM_ORGANIZATION};
use hardening::two_factor::FernetRefused;

use crate::audit_trail::{Actor, Happening};
use crate::error::Error;
use crate::operator::context;
use crate::ports::StoredSecret;
use crate::services::Services;

/// People read at once.
const PAGE: u32 = 200;

/// What became of the secrets, counted by person.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rotated {
    /// Put under the newest key.
    pub renewed: u64,
    /// Under it already, or changed meanwhile, which comes to the same.
    pub current: u64,
    /// No key opens them: these people can sign in with recovery codes only.
    pub unreadable: u64,
}

impl Rotated {
    /// How many were looked at.
    pub const fn seen(self) -> u64 {
        self.renewed + self.current + self.unreadable
    }
}

/// How many secrets there are.
pub async fn total(services: &Services) -> Result<u64, Error> {
    Ok(services.two_factor.count_secrets().await?.unsigned_abs())
}

/// Puts every stored secret under the newest key. Can be broken off and run again, and run while the server does.
pub async fn rotate(
    services: &Services,
    os_user: &str,
    progress: &(dyn Fn(u64) + Send + Sync),
) -> Result<Rotated, Error> {
    let (mut rotated, mut after) = (Rotated::default(), String::new());
    loop {
        let page = services.two_factor.stored_secrets(&after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after.clone_from(&last.person_id);
        for before in &page {
            let count = match renewed(services, before) {
                Err(FernetRefused) => &mut rotated.unreadable,
                Ok(fresh) if fresh == *before => &mut rotated.current,
                Ok(fresh) if services.two_factor.replace_secret(before, &fresh).await? => {
                    &mut rotated.renewed
                }
                Ok(_) => &mut rotated.current,
            };
            *count += 1;
            progress(rotated.seen());
        }
    }
    let done = Happening::done(
        Action::AuthTwoFactorKeysRotated,
        Resource::new("second_factors", SYSTEM_ORGANIZATION),
    )
    .changing(Changes::new().field("renewed", serde_json::Value::Null, rotated.renewed).field(
        "unreadable",
        serde_json::Value::Null,
        rotated.unreadable,
    ));
    let trail = services.trail(&context(services), &Actor::operator(os_user, SYSTEM_ORGANIZATION), done);
    services.audit.append(trail).await?;
    Ok(rotated)
}

fn renewed(services: &Services, before: &StoredSecret) -> Result<StoredSecret, FernetRefused> {
    let again = |token: &Option<String>| match token {
        None => Ok(None),
        Some(token) => {
            let (now, entropy) = (services.clock.now(), &*services.entropy);
            let fresh = services.second_factor.fernet.rotated(token, now, entropy)?;
            Ok(Some(fresh.unwrap_or_else(|| token.clone())))
        }
    };
    Ok(StoredSecret {
        person_id: before.person_id.clone(),
        active: again(&before.active)?,
        waiting: again(&before.waiting)?,
    })
}
