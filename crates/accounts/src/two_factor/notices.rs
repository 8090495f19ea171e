//! Mails about the second factor.

use std::time::Duration;

use hardening::entropy::new_id;
use serde::{Deserialize, Serialize};

use super::FEW_RECOVERY_CODES;
use crate::context::{CLI_ADDRESS, RequestContext};
use crate::model::Person;
use crate::outbox::{Content, Mail};
use crate::services::Services;

/// How long such news is worth sending.
const WORTH_SENDING: Duration = Duration::from_hours(7 * 24);

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

    /// The subject of the mail.
    pub(crate) const fn subject(self) -> &'static str {
        match self {
            Self::Enabled => "Two-factor authentication is on",
            Self::Disabled => "Two-factor authentication is off",
            Self::Reset => "Your two-factor authentication was reset",
            Self::RecoveryCodeUsed(_) => "A recovery code was used",
            Self::RecoveryCodesReplaced => "You have new recovery codes",
            Self::WrongCodes => "Wrong codes for your account",
            Self::AppCodesOff => "Codes from your app are switched off",
        }
    }

    /// The text of the mail; `place` is from where it was done.
    pub(crate) fn text(self, place: &str) -> String {
        let place = if place == CLI_ADDRESS { "the server's command line" } else { place };
        let (what, advice) = (self.what(place), self.advice());
        format!("{what}\n\n{advice}\n")
    }

    fn what(self, place: &str) -> String {
        match self {
            Self::Enabled => format!(
                "Two-factor authentication was switched on for your account from {place}. From now on signing in \
                 needs a code from your app. Every device was signed out.\n\nKeep your recovery codes where you find \
                 them without your phone."
            ),
            Self::Disabled => format!(
                "Two-factor authentication was switched off for your account from {place}: signing in needs your \
                 password alone. Every device was signed out."
            ),
            Self::Reset => format!(
                "An admin removed the second factor of your account, from {place}, and every device was signed out. \
                 Sign in with your password, and set two-factor authentication up again."
            ),
            Self::RecoveryCodeUsed(left) => {
                let few = if left <= FEW_RECOVERY_CODES { " Make new ones before none is left." } else { "" };
                format!(
                    "A recovery code of your account was used from {place}. It will not work again; {left} are \
                     left.{few}"
                )
            }
            Self::RecoveryCodesReplaced => format!(
                "New recovery codes were made for your account from {place}. The old ones do not work any more."
            ),
            Self::WrongCodes => format!(
                "Somebody at {place} who knows your password gave several wrong codes, and was kept out."
            ),
            Self::AppCodesOff => format!(
                "Too many wrong codes were given for your account in a row, the last from {place}, by somebody who \
                 knows your password. Codes from your app are refused from now on, until an admin of your \
                 organization resets your second factor. Your recovery codes still work."
            ),
        }
    }

    const fn advice(self) -> &'static str {
        match self {
            Self::Reset => "If you did not ask for this, ask an admin of your organization at once.",
            _ => {
                "If this was not you, somebody else knows your password: change it at once, and tell an admin of your \
                 organization."
            }
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
        expires_at: now + WORTH_SENDING,
        created_at: now,
    }]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mail_says_from_where_and_what_to_do() {
        let all = [
            News::Enabled,
            News::Disabled,
            News::Reset,
            News::RecoveryCodeUsed(7),
            News::RecoveryCodesReplaced,
            News::WrongCodes,
            News::AppCodesOff,
        ];
        for news in all {
            let text = news.text("192.0.2.1");
            assert!(
                !news.subject().is_empty() && text.contains("192.0.2.1") && text.contains("If "),
                "{news:?}"
            );
        }
        let says = |left| News::RecoveryCodeUsed(left).text("x").contains("Make new ones");
        assert!(!says(4) && says(3) && says(0));
    }
}
