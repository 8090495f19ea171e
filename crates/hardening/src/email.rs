//! E-mail addresses: one, plain, and with one canonical form that says whether two are the same.
//!
//! * Accepted is `local@domain` as people have it: a dot-atom (RFC 5322, 3.4.1) or its international kin
//!   (RFC 6531), at a host name with at least two labels. Quoted local parts, comments, display names, lists,
//!   routes (`%`, `!`), IP literals, control and invisible characters are refused; so nothing that is
//!   accepted can add a recipient or a header to a mail.
//! * The canonical form is computed here and nowhere else, least of all by a database's `lower()`: NFKC and
//!   Unicode case folding for the local part, UTS 46 and Punycode for the domain. A Kelvin sign is a `k`, a
//!   long ſ an `s`, full-width letters are letters, a dotless ı is itself. What follows a `+` counts.
//! * Mail goes to the address that was stored, never to one that merely has the same canonical form.
//!
//! ```
//! use hardening::email::EmailAddress;
//! let email = EmailAddress::parse(" Ursula.K@Bücher.Example ").unwrap();
//! assert_eq!(email.typed, "Ursula.K@Bücher.Example");
//! assert_eq!(email.canonical, "ursula.k@xn--bcher-kva.example");
//! assert_eq!(email.masked(), "u***@xn--bcher-kva.example");
//! assert!(EmailAddress::parse("a@example.com, b@example.com").is_err());
//! ```

use std::fmt;

use idna::AsciiDenyList;
use idna::uts46::{DnsLength, Hyphens, Uts46};
use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

use crate::text::first_forbidden;

/// The longest address that mail servers carry, in octets (RFC 5321, 4.5.3.1.3).
const MAX_LENGTH: usize = 254;
/// The longest local part, in octets (RFC 5321, 4.5.3.1.1).
const MAX_LOCAL_LENGTH: usize = 64;

/// Why a text is not an address that is accepted here; the words are for the person who typed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EmailRefusal {
    /// Nothing there.
    #[error("must not be empty")]
    Empty,
    /// Longer than mail servers carry.
    #[error("is too long for an e-mail address")]
    TooLong,
    /// Not one plain address.
    #[error("must be one plain e-mail address, such as name@example.com")]
    Malformed,
}

/// One address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmailAddress {
    /// As the person typed it, trimmed and in NFC: what is shown and stored.
    pub typed: String,
    /// What two addresses must share to be the same. Also the key that limits count under.
    pub canonical: String,
}

impl EmailAddress {
    /// Reads one address.
    ///
    /// # Errors
    /// When it is empty, too long or not one plain address.
    pub fn parse(raw: &str) -> Result<Self, EmailRefusal> {
        if raw.len() > 4 * MAX_LENGTH {
            return Err(EmailRefusal::TooLong);
        }
        let typed: String = raw.trim().nfc().collect();
        if typed.is_empty() {
            return Err(EmailRefusal::Empty);
        }
        let (local, domain) = typed.split_once('@').ok_or(EmailRefusal::Malformed)?;
        if first_forbidden(&typed, false).is_some() || !is_local_part(local) {
            return Err(EmailRefusal::Malformed);
        }
        let domain = canonical_domain(domain).ok_or(EmailRefusal::Malformed)?;
        let folded = canonical_local_part(local);
        // Compatibility forms can hide what would have been refused in plain sight.
        if !is_local_part(&folded) {
            return Err(EmailRefusal::Malformed);
        }
        let longest = local.len().max(folded.len());
        if longest > MAX_LOCAL_LENGTH || longest + 1 + domain.len() > MAX_LENGTH {
            return Err(EmailRefusal::TooLong);
        }
        Ok(Self { canonical: format!("{folded}@{domain}"), typed })
    }

    /// The form for the mail envelope: the local part as typed, the domain in ASCII.
    pub fn deliverable(&self) -> String {
        let local = self.typed.split_once('@').map_or("", |(local, _)| local);
        format!("{local}@{}", self.domain())
    }

    /// Enough to recognise one's own address, too little to learn another's: `u***@example.com`.
    pub fn masked(&self) -> String {
        let first = self.typed.chars().next().map(|c| c.to_lowercase().to_string()).unwrap_or_default();
        format!("{first}***@{}", self.domain())
    }

    fn domain(&self) -> &str {
        self.canonical.rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.typed)
    }
}

/// Atoms joined by single dots.
fn is_local_part(local: &str) -> bool {
    local.split('.').all(|atom| !atom.is_empty() && atom.chars().all(is_atom_character))
}

fn is_atom_character(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_alphanumeric() || "#$&'*+-/=?^_`{|}~".contains(c);
    }
    c.is_alphanumeric() || is_combining_mark(c)
}

/// `toCasefold(NFKC(…))`, repeated until nothing changes (Unicode Standard, 3.13.5).
fn canonical_local_part(local: &str) -> String {
    let mut form = fold_once(local);
    // Two or three rounds settle every text known; the bound is there for those that are not.
    for _ in 0..8 {
        let next = fold_once(&form);
        if next == form {
            break;
        }
        form = next;
    }
    form
}

fn fold_once(text: &str) -> String {
    text.nfkc().flat_map(fold).nfkc().collect()
}

/// Case folding of one character: the lower case of its upper case is what Unicode's table says, but for
/// the dotless ı, whose upper case is the `I` of everybody else.
fn fold(c: char) -> impl Iterator<Item = char> {
    let dotless = (c == 'ı').then_some(c);
    let folded = c.to_uppercase().flat_map(char::to_lowercase).filter(move |_| dotless.is_none());
    dotless.into_iter().chain(folded)
}

fn canonical_domain(domain: &str) -> Option<String> {
    let ascii = Uts46::new()
        .to_ascii(domain.as_bytes(), AsciiDenyList::STD3, Hyphens::CheckFirstLast, DnsLength::Verify)
        .ok()?
        .into_owned();
    let (_, top) = ascii.rsplit_once('.')?;
    let is_address = top.bytes().all(|b| b.is_ascii_digit());
    (!is_address && !top.is_empty()).then_some(ascii)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn canonical(text: &str) -> Result<String, EmailRefusal> {
        EmailAddress::parse(text).map(|e| e.canonical)
    }

    #[test]
    fn variants_of_one_address_have_one_canonical_form() {
        for (typed, expected) in [
            ("user@example.com", "user@example.com"),
            ("  USER@EXAMPLE.COM\t", "user@example.com"),
            ("\u{212a}im@example.com", "kim@example.com"),
            ("kim@e\u{212a}ample.com", "kim@ekample.com"),
            ("mi\u{17f}s@example.com", "miss@example.com"),
            ("ｕｓｅｒ@ｅｘａｍｐｌｅ．ｃｏｍ", "user@example.com"),
            ("STRASSE@example.com", "strasse@example.com"),
            ("straße@example.com", "strasse@example.com"),
            ("straẞe@example.com", "strasse@example.com"),
            ("ﬁt@example.com", "fit@example.com"),
            ("ΣΑΣ@example.com", "σασ@example.com"),
            ("σας@example.com", "σασ@example.com"),
            ("\u{130}@example.com", "i\u{307}@example.com"),
            ("i\u{307}@example.com", "i\u{307}@example.com"),
            ("m\u{131}ke@example.com", "m\u{131}ke@example.com"),
            ("e\u{301}@example.com", "é@example.com"),
            ("User+Tag@example.com", "user+tag@example.com"),
            ("a@BÜCHER.example", "a@xn--bcher-kva.example"),
            ("a@xn--bcher-kva.example", "a@xn--bcher-kva.example"),
            ("a@example。com", "a@example.com"),
            ("o'brien@example.com", "o'brien@example.com"),
        ] {
            assert_eq!(canonical(typed).as_deref(), Ok(expected), "{typed}");
        }
    }

    #[test]
    fn look_alikes_are_other_people() {
        let latin = canonical("apple@example.com");
        for other in
            ["аpple@example.com", "apple@exаmple.com", "app1e@example.com", "appl\u{131}e@example.com"]
        {
            assert_ne!(canonical(other), latin, "{other}");
        }
        assert_ne!(canonical("m\u{131}ke@example.com"), canonical("mike@example.com"));
        assert_ne!(canonical("user+tag@example.com"), canonical("user@example.com"));
        assert_ne!(canonical("u.ser@example.com"), canonical("user@example.com"));
    }

    const NO_ADDRESSES: &[&str] = &[
        "a",
        "@",
        "a@",
        "@b.example",
        "a@b",
        "a@b@c.example",
        "a b@c.example",
        "a@b c.example",
        "a@x.example,b@y.example",
        "a@x.example;b@y.example",
        "a@x.example b@y.example",
        "<a@b.example>",
        "A <a@b.example>",
        "\"a\"@b.example",
        "\"a b\"@b.example",
        "a(comment)@b.example",
        "a@(c)b.example",
        "a\r\nBcc: x@y.example",
        "a@b.example\r\nBcc:x@y.example",
        "a%0acc:x@b.example",
        "a%x@b.example",
        "x!a@b.example",
        "a\\@b.example",
        "a:b@c.example",
        "[a]@b.example",
        "a@[127.0.0.1]",
        "a@127.0.0.1",
        "a@b.1",
        "a@-b.example",
        "a@b-.example",
        "a@b..example",
        "a@.example",
        "a@b.example.",
        "a@b_c.example",
        "a@b.example/x",
        ".a@b.example",
        "a.@b.example",
        "a..b@c.example",
        "a\0@b.example",
        "a\u{200b}@b.example",
        "a\u{202e}@b.example",
        "a@b\u{ad}c.example",
        "a\u{fe0f}\u{200d}@b.example",
        "a＠b.example",
        "a，b@c.example",
        "a@b.example＠c.example",
        "⑴@b.example",
        "℀@b.example",
        "a\u{2024}\u{2024}b@c.example",
        "a@℀.example",
        "😀@b.example",
        "a@xn--\u{fc}.example",
        "\u{feff}a@b.example",
        "a\u{a0}b@c.example",
        "a\tb@c.example",
    ];

    #[test]
    fn what_is_not_one_plain_address_is_refused() {
        for bad in NO_ADDRESSES {
            assert_eq!(canonical(bad), Err(EmailRefusal::Malformed), "{bad:?}");
        }
        for empty in ["", "  ", "\r\n"] {
            assert_eq!(canonical(empty), Err(EmailRefusal::Empty));
        }
    }

    #[test]
    fn lengths_are_those_of_mail_servers() {
        let local = "a".repeat(64);
        assert!(canonical(&format!("{local}@example.com")).is_ok());
        assert_eq!(canonical(&format!("{local}a@example.com")), Err(EmailRefusal::TooLong));
        assert_eq!(canonical(&format!("{}@example.com", "é".repeat(33))), Err(EmailRefusal::TooLong));
        let label = "d".repeat(60);
        let domain = format!("{label}.{label}.{label}.e");
        assert_eq!(domain.len(), 184);
        assert!(canonical(&format!("{}@{domain}", "a".repeat(64))).is_ok());
        let domain = format!("{label}.{label}.{label}.example");
        assert_eq!(canonical(&format!("{local}@{domain}")), Err(EmailRefusal::TooLong));
        assert_eq!(canonical(&"a".repeat(100_000)), Err(EmailRefusal::TooLong));
    }

    #[test]
    fn the_forms_for_mail_and_for_eyes() {
        let email = EmailAddress::parse("Ursula@Bücher.example").unwrap();
        assert_eq!(email.deliverable(), "Ursula@xn--bcher-kva.example");
        assert_eq!(email.masked(), "u***@xn--bcher-kva.example");
        assert_eq!(email.to_string(), "Ursula@Bücher.example");
        assert_eq!(EmailAddress::parse("user@example.com").unwrap().masked(), "u***@example.com");
    }

    proptest! {
        #[test]
        fn the_canonical_form_is_its_own_canonical_form(local in "\\PC{1,12}", domain in "[a-zäöüßé]{1,12}") {
            if let Ok(email) = EmailAddress::parse(&format!("{local}@{domain}.example")) {
                prop_assert_eq!(canonical(&email.canonical), Ok(email.canonical.clone()));
                prop_assert_eq!(canonical(&email.deliverable()), Ok(email.canonical));
            }
        }

        #[test]
        fn case_never_matters(local in "[a-zà-öø-ÿα-ω]{1,12}") {
            let upper = format!("{}@EXAMPLE.COM", local.to_uppercase());
            prop_assert_eq!(canonical(&upper), canonical(&format!("{local}@example.com")));
        }

        #[test]
        fn no_text_makes_it_panic_or_carry_a_separator(text in any::<String>()) {
            if let Ok(email) = EmailAddress::parse(&text) {
                let bad = [',', ';', '<', '>', '"', '\r', '\n', ' ', ':', '(', ')'];
                prop_assert!(!email.typed.contains(bad) && !email.canonical.contains(bad));
                prop_assert_eq!(email.canonical.matches('@').count(), 1);
            }
        }
    }
}
