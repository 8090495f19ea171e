//! Reading input into types: every field is judged, and all that is wrong is told at once.

use hardening::email::EmailAddress;
use hardening::text::{Limits, clean_text};
use unicode_normalization::UnicodeNormalization as _;
use wording::Language;

use crate::error::{FieldErrors, Refusal};
use crate::model::{ADMIN, RequiredRole, VOLUNTEER};

/// The longest name of a role, in characters.
const ROLE_MAX: usize = 40;

/// Collects what is wrong, field by field.
#[derive(Debug, Default)]
pub struct Judge(FieldErrors);

impl Judge {
    /// Nothing judged yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes a fault of a field.
    pub fn refuse(&mut self, field: &str, sentence: impl Into<String>) {
        self.0.entry(field.to_owned()).or_default().push(sentence.into());
    }

    /// A value, or the fault noted and a stand-in that will never be used.
    pub fn take<T: Default, E: ToString>(&mut self, field: &str, read: Result<T, E>) -> T {
        read.unwrap_or_else(|fault| {
            self.refuse(field, fault.to_string());
            T::default()
        })
    }

    /// One line of text, 1 to `max` characters.
    pub fn line(&mut self, field: &str, raw: &str, max: usize) -> String {
        self.take(field, clean_text(raw, Limits { min: 1, max, multiline: false }))
    }

    /// One line that may be empty.
    pub fn optional_line(&mut self, field: &str, raw: &str, max: usize) -> String {
        self.take(field, clean_text(raw, Limits { min: 0, max, multiline: false }))
    }

    /// Text of several lines that may be empty.
    pub fn paragraph(&mut self, field: &str, raw: &str, max: usize) -> String {
        self.take(field, clean_text(raw, Limits { min: 0, max, multiline: true }))
    }

    /// An e-mail address.
    pub fn email(&mut self, field: &str, raw: &str) -> Option<EmailAddress> {
        self.take(field, EmailAddress::parse(raw).map(Some))
    }

    /// The id of something that is stored.
    pub fn id(&mut self, field: &str, raw: &str) -> String {
        if !is_id(raw) {
            self.refuse(field, "must be an id: 1 to 100 letters, digits, - or _");
        }
        raw.to_owned()
    }

    /// The name of a time zone.
    pub fn time_zone(&mut self, field: &str, raw: &str) -> String {
        let zone = raw.trim().to_owned();
        if !is_time_zone(&zone) {
            self.refuse(field, "must be an IANA time zone name, such as Europe/Madrid, or UTC");
        }
        zone
    }

    /// Role names: sorted, without repetition.
    pub fn roles(&mut self, field: &str, raw: &[String]) -> Vec<String> {
        let mut roles: Vec<String> = raw.iter().map(|name| self.role(field, name)).collect();
        roles.sort_unstable();
        roles.dedup();
        if roles.is_empty() {
            self.refuse(field, "must name at least one role, such as volunteer");
        } else if roles.len() > 20 {
            self.refuse(field, "must name at most 20 roles");
        }
        roles
    }

    /// Roles an event needs.
    pub fn required_roles(&mut self, field: &str, raw: &[RequiredRole]) -> Vec<RequiredRole> {
        if raw.len() > 20 {
            self.refuse(field, "must name at most 20 roles");
        }
        let mut seen = std::collections::HashSet::new();
        raw.iter()
            .map(|needed| {
                let role = self.role(field, &needed.role);
                if !(1..=1000).contains(&needed.count) {
                    self.refuse(field, "count must be from 1 to 1000");
                }
                if !seen.insert(role.clone()) {
                    self.refuse(field, format!("names the role {role} twice"));
                }
                RequiredRole { role, count: needed.count }
            })
            .collect()
    }

    /// The organization's own name for a role. What only looks like one of the product's is refused: it would seem to
    /// grant rights, and grant none.
    fn role(&mut self, field: &str, raw: &str) -> String {
        let role = self.line(field, raw, ROLE_MAX);
        let alike: String = role.nfkc().flat_map(char::to_lowercase).nfkc().collect();
        if let Some(known) =
            [ADMIN, VOLUNTEER].into_iter().find(|known| alike.trim() == *known && role != *known)
        {
            self.refuse(field, format!("the role {known} is written {known}"));
        }
        role
    }

    /// A number within bounds, if given.
    pub fn number(
        &mut self,
        field: &str,
        given: Option<u32>,
        allowed: std::ops::RangeInclusive<u32>,
    ) -> Option<u32> {
        if given.is_some_and(|n| !allowed.contains(&n)) {
            self.refuse(field, format!("must be from {} to {}", allowed.start(), allowed.end()));
        }
        given
    }

    /// Ends the judging.
    pub fn verdict(self) -> Result<(), Refusal> {
        if self.0.is_empty() { Ok(()) } else { Err(Refusal::InvalidInput(self.0)) }
    }
}

/// Whether this can be an id, in a path or in a body. What cannot is told without asking the database.
pub fn is_id(text: &str) -> bool {
    (1..=100).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
}

/// How the names of the IANA database begin, those of its `backward` file included.
const ZONE_AREAS: [&str; 16] = [
    "Africa",
    "America",
    "Antarctica",
    "Arctic",
    "Asia",
    "Atlantic",
    "Australia",
    "Brazil",
    "Canada",
    "Chile",
    "Etc",
    "Europe",
    "Indian",
    "Mexico",
    "Pacific",
    "US",
];

/// By shape: `UTC`, or a known area and one or two names. Whether there is such a city only its database knows, which
/// changes several times a year.
fn is_time_zone(zone: &str) -> bool {
    let Some((area, place)) = zone.split_once('/') else { return zone == "UTC" };
    let name = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_uppercase())
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'+'))
    };
    zone.len() <= 60
        && ZONE_AREAS.contains(&area)
        && place.split('/').count() <= 2
        && place.split('/').all(name)
}

/// The languages a person can have, as they are stored; an adopted database may hold other tags.
pub const LANGUAGES: [&str; 6] = ["en", "es", "pt", "fr", "zh-CN", "zh-TW"];

/// The one of [`LANGUAGES`] for a language we have: Chinese goes by region there, as in the original.
pub const fn stored_tag(language: Language) -> &'static str {
    match language {
        Language::SimplifiedChinese => "zh-CN",
        Language::TraditionalChinese => "zh-TW",
        other => other.tag(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_has_a_stored_tag_that_means_it() {
        assert_eq!(Language::ALL.map(stored_tag), LANGUAGES);
        assert_eq!(LANGUAGES.map(Language::for_tag), Language::ALL);
    }

    #[test]
    fn every_fault_is_told_at_once() {
        let mut judge = Judge::new();
        judge.line("name", "  ", 10);
        judge.email("email", "nobody");
        judge.roles("roles", &["Admin".into()]);
        let Err(Refusal::InvalidInput(errors)) = judge.verdict() else { panic!("must refuse") };
        assert_eq!(errors.keys().collect::<Vec<_>>(), ["email", "name", "roles"]);
    }

    #[test]
    fn ids_are_plain_and_short() {
        for good in ["org_0192f", "a", "A-b_9", &"x".repeat(100)] {
            assert!(is_id(good), "{good}");
        }
        for bad in ["", "a b", "a\0", "a\n", "é", "a/b", " a", &"x".repeat(101)] {
            assert!(!is_id(bad), "{bad:?}");
        }
    }

    #[test]
    fn time_zones_have_the_shape_of_names() {
        for good in
            ["UTC", "Europe/Madrid", "America/Argentina/Buenos_Aires", "America/Port-au-Prince", "Etc/GMT+5"]
        {
            assert!(is_time_zone(good), "{good}");
        }
        for bad in [
            "",
            "Mars",
            "Mars/Olympus",
            "utc",
            "Europe",
            "Europe/",
            "Europe/madrid",
            "Europe//Madrid",
            "A/B/C/D",
            "Europe/Ma drid",
            "../Europe/Madrid",
            "America/A/B/C",
            "+01:00",
        ] {
            assert!(!is_time_zone(bad), "{bad}");
        }
    }

    #[test]
    fn a_role_has_any_name_but_one_that_looks_like_the_products_own() {
        let judged = |name: &str| {
            let mut judge = Judge::new();
            let roles = judge.roles("roles", &[name.to_owned()]);
            judge.verdict().map(|()| roles.concat())
        };
        for name in ["Head usher", "Küche", "司会", "x\"admin", "admin!", "a\\", "2nd-team", "administrator"]
        {
            assert_eq!(judged(name).as_deref(), Ok(name));
        }
        assert_eq!(judged("  Ku\u{308}che ").as_deref(), Ok("Küche"));
        assert_eq!(judged(&"ü".repeat(40)), Ok("ü".repeat(40)));
        for name in [
            "Admin",
            "ADMIN",
            "ａｄｍｉｎ",
            "ⓐdmin",
            "Volunteer",
            "volunteeｒ",
            "",
            " ",
            "a\nb",
            "a\u{200b}b",
        ] {
            assert!(judged(name).is_err(), "{name:?}");
        }
        assert!(judged(&"ü".repeat(41)).is_err());
    }

    #[test]
    fn roles_are_sorted_and_unique() {
        let mut judge = Judge::new();
        assert_eq!(
            judge.roles("roles", &["usher".into(), "admin".into(), "usher".into()]),
            ["admin", "usher"]
        );
        assert!(judge.verdict().is_ok());
    }
}
