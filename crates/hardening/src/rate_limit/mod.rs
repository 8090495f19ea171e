//! Rate limits: which rules there are, which of them a request meets, and the arithmetic of traffic quotas.
//!
//! * A [`Rule`] says: on this route and these methods, so many per window, per whom, and which outcomes count.
//! * [`RuleSet::defaults`] is the table of the contract; a TOML file replaces rules or adds some.
//! * [`Algorithm::SlidingWindow`] is exact and needs reserving and settling: see [`crate::lockout`].
//!   [`Algorithm::Gcra`] is one number a key and one step a request, for traffic: see [`QuotaStore`].
//! * The numbers in a response all come from one [`Decision`] ([`headers`]).
//!
//! ```
//! use hardening::rate_limit::{Count, Per, RuleSet, Settings};
//! let rules = RuleSet::defaults(&Settings::default());
//! let login = rules.find("POST", "/api/auth/login", Per::Account, Count::Failures).unwrap();
//! assert_eq!((login.limit, login.window.as_secs()), (5, 300));
//! ```

mod defaults;
pub mod gcra;
pub mod headers;
mod honoured;
mod key;
mod methods;
mod quota;
mod rule;
mod rule_set;
mod rules_file;

pub use defaults::Settings;
pub use key::RuleNames;
pub use methods::Methods;
pub use quota::{Decision, Quota, QuotaStore};
pub use rule::{Algorithm, Count, Per, Rule, SESSION_CODE_CHECK, SESSION_PASSWORD_CHECK, SYSTEM_RESET_MAILS};
pub use rule_set::RuleSet;
pub use rules_file::RuleFileError;
