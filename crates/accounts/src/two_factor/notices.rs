//! Mails about the second factor.

use hardening::entropy::new_id;
use serde::{Deserialize, Serialize};

use crate::context::RequestContext;
use crate::model::Person;
use crate::outbox::{Content, Mail, NEWS_WORTH_SENDING};
use crate::services::Services;

/// What happened to a second factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum News {
    /// It became active.
    Enabled,
    /// Its owner removed it.
    Disabled,
    /// An admin or operator removed it.
    Reset,
    /// A recovery code was used; so many are left.
    RecoveryCodeUsed(u32),
    /// New recovery codes replaced the old.
    RecoveryCodesReplaced,
    /// So many wrong codes that signing in is locked for a while.
    WrongCodes,
    /// Too many wrong codes: the app's are refused.
    AppCodesOff,
}

impl News {
    /// The stable name of the kind of mail.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Enabled => "two_factor_enabled",
            Self::Disabled => "two_factor_disabled",
            Self::Reset => "two_factor_reset",
            Self::RecoveryCodeUsed(_) => "recovery_code_used",
            Self::RecoveryCodesReplaced => "recovery_codes_replaced",
            Self::WrongCodes => "two_factor_wrong_codes",
            Self::AppCodesOff => "two_factor_codes_off",
        }
    }

    /// What its texts are called.
    pub(crate) const fn wording(self) -> &'static str {
        match self {
            Self::Enabled => "two-factor-enabled",
            Self::Disabled => "two-factor-disabled",
            Self::Reset => "two-factor-reset",
            Self::RecoveryCodeUsed(_) => "recovery-code-used",
            Self::RecoveryCodesReplaced => "recovery-codes-replaced",
            Self::WrongCodes => "two-factor-wrong-codes",
            Self::AppCodesOff => "two-factor-codes-off",
        }
    }
}

/// The mail, if the person has an address.
pub(crate) fn mail(services: &Services, context: &RequestContext, person: &Person, news: News) -> Vec<Mail> {
    let Some(recipient) = person.email.clone() else { return Vec::new() };
    let now = services.clock.now();
    vec![Mail {
        id: new_id("mail", now, &*services.entropy),
        person_id: Some(person.id.clone()),
        recipient,
        language: person.language.clone(),
        content: Content::SecondFactor { news, ip_address: context.ip_address.clone() },
        expires_at: now + NEWS_WORTH_SENDING,
        link_expires_at: None,
        created_at: now,
    }]
}
