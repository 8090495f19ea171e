use hardening::clock::Timestamp;
use hardening::entropy::OsEntropy;

use super::*;
use crate::two_factor::notices::News;

const NEWS: [News; 9] = [
    News::Enabled,
    News::Disabled,
    News::Reset,
    News::RecoveryCodeUsed(7),
    News::RecoveryCodeUsed(1),
    News::RecoveryCodeUsed(0),
    News::RecoveryCodesReplaced,
    News::WrongCodes,
    News::AppCodesOff,
];

fn mail(language: &str, content: Content) -> Mail {
    Mail {
        id: "mail_1".into(),
        person_id: None,
        recipient: "bo@example.com".into(),
        language: language.into(),
        content,
        expires_at: Timestamp::MAX,
        created_at: Timestamp::from_unix_seconds(1_700_000_000),
    }
}

fn invitation(organization: &str) -> Content {
    Content::Invitation {
        invitation_token: "tok".into(),
        organization: organization.into(),
        org_id: None,
        invited_by: "Ann".into(),
    }
}

fn new_device(browser: &str, system: &str) -> Content {
    Content::NewDevice {
        not_me_token: "tok".into(),
        browser: browser.into(),
        system: system.into(),
        ip_address: "192.0.2.1".into(),
    }
}

fn account_locked(locked_for_seconds: u64, known_device: bool) -> Content {
    Content::AccountLocked {
        unlock_token: "tok".into(),
        locked_for_seconds,
        known_device,
        ip_address: "192.0.2.1".into(),
    }
}

/// Every kind, with what must be found in its text.
fn contents() -> Vec<(Content, Vec<&'static str>)> {
    let ip_address = || "192.0.2.1".to_owned();
    let mut all = vec![
        (account_locked(900, false), vec!["192.0.2.1", "15", "https://acc.example/unlock?token=tok"]),
        (account_locked(120, true), vec!["192.0.2.1", "2", "https://acc.example/unlock?token=tok"]),
        (
            Content::PasswordChanged { not_me_token: "tok".into(), ip_address: ip_address() },
            vec!["192.0.2.1", "https://acc.example/not-me?token=tok"],
        ),
        (
            Content::PasswordReset {
                reset_token: "tok".into(),
                valid_for_seconds: 3600,
                ip_address: ip_address(),
            },
            vec!["192.0.2.1", "1", "https://acc.example/reset-password?token=tok"],
        ),
        (invitation("Acme"), vec!["Acme", "Ann", "https://acc.example/invitation?token=tok"]),
        (
            new_device("Firefox 130.0", "Linux"),
            vec![
                "Firefox 130.0",
                "Linux",
                "192.0.2.1",
                "2023-11-14 22:13 UTC",
                "https://acc.example/not-me?token=tok",
            ],
        ),
        (
            Content::Undeliverable {
                recipient: "cy@example.com".into(),
                subject: "Hello".into(),
                answer: "550 no such user".into(),
            },
            vec!["cy@example.com", "Hello", "550 no such user"],
        ),
    ];
    all.extend(
        NEWS.map(|news| (Content::SecondFactor { news, ip_address: ip_address() }, vec!["192.0.2.1"])),
    );
    all
}

#[test]
fn every_mail_says_everything_in_every_language_in_text_and_html() {
    for language in wording::Language::ALL {
        let mut seen = std::collections::HashSet::new();
        for (content, wanted) in contents() {
            let kind = content.kind();
            let RenderedMail { subject, text, html, link, .. } =
                mail(language.tag(), content).render("https://acc.example");
            for found in wanted.iter().chain(&["bo@example.com"]) {
                assert!(text.contains(found), "{kind} in {}: no {found} in {text}", language.tag());
                assert!(html.contains(found), "{kind} in {}: no {found} in {html}", language.tag());
            }
            assert_eq!(link.is_some(), wanted.iter().any(|found| found.starts_with("https")), "{kind}");
            assert!(!text.contains("mail-") && !text.contains("\n\n\n"), "{kind}: {text}");
            assert!(html.contains(&format!("<html lang=\"{}\">", language.tag())));
            seen.insert(subject);
        }
        assert_eq!(seen.len(), 14, "subjects in {}", language.tag());
    }
}

#[test]
fn an_english_mail_is_plain_ascii_and_looks_like_this() {
    let text = mail("en-GB", new_device("Firefox 130.0", "Linux")).render("https://acc.example").text;
    assert_eq!(
        text,
        "Somebody signed in to your account on a device that was not used for it before.\n\nDevice: Firefox 130.0 on \
         Linux\nAddress: 192.0.2.1\nTime: 2023-11-14 22:13 UTC\n\nIf this was not you, lock the account with this \
         link:\n\nhttps://acc.example/not-me?token=tok\n\nIf it was you, nothing needs to be done.\n\n-- \n\
         SignUpFlow sent this to bo@example.com because of the account there. Nobody reads answers to it.\n"
    );
    for (content, _) in contents() {
        assert!(mail("en", content).render("https://acc.example").text.is_ascii());
    }
}

#[test]
fn html_is_escaped_and_loads_nothing() {
    for (content, _) in contents().into_iter().chain([(invitation("<img src=x onerror=a>&\"'"), Vec::new())])
    {
        let html = mail("en", content).render("https://acc.example").html.to_lowercase();
        for bad in ["<img", "<script", "src=", "url(", "@import", "<link", "<form", "<iframe", "javascript:"]
        {
            let allowed = bad == "src=" && html.contains("&#60;img src=x");
            assert!(allowed || !html.contains(bad), "{bad} in {html}");
        }
    }
}

#[test]
fn what_others_typed_begins_no_line_and_no_header() {
    let sneaky = "Acme\r\n\r\nBcc: eve@example.com\u{2028}x\u{0}";
    let rendered = mail("en", invitation(sneaky)).render("https://acc.example");
    assert_eq!(rendered.subject, "Invitation to Acme    Bcc: eve@example.com x ");
    assert!(rendered.text.lines().all(|line| !line.starts_with("Bcc")), "{}", rendered.text);
}

#[test]
fn the_name_of_a_tool_is_never_an_address() {
    for (browser, shown) in [
        ("https://evil.example/now", "Device: httpsevilexamplenow\n"),
        ("evil.com", "Device: evilcom\n"),
        ("my-tool/1.0", "Device: my-tool1.0\n"),
        ("1.evil", "Device: 1.evil\n"),
        ("<b>\n", "Device: b\n"),
        ("unknown", "Device: unknown\n"),
    ] {
        let text = mail("en", new_device(browser, "unknown")).render("https://acc.example").text;
        assert!(text.contains(shown), "{browser}: {text}");
    }
}

#[test]
fn few_recovery_codes_come_with_advice_to_make_new_ones() {
    let says = |left| {
        let content = Content::SecondFactor { news: News::RecoveryCodeUsed(left), ip_address: "cli".into() };
        mail("en", content).render("").text
    };
    assert!(!says(4).contains("Make new") && says(3).contains("Make new") && says(0).contains("the last"));
    assert!(says(1).contains("1 is left") && says(3).contains("the server's command line"));
}

#[test]
fn what_is_stored_can_be_read_and_debug_hides_the_token() {
    let mail = mail("en", invitation("Acme"));
    assert!(!format!("{mail:?}").contains("tok"));
    assert_eq!(Mail::from_bytes(mail.to_bytes().expose()).as_ref(), Some(&mail));
    // As an older version stored it.
    let old = String::from_utf8(mail.to_bytes().expose().clone()).unwrap().replace("\"org_id\":null,", "");
    assert!(!old.contains("org_id") && Mail::from_bytes(old.as_bytes()) == Some(mail));
}

#[test]
fn waits_grow_are_bounded_and_differ_and_end_after_about_three_days() {
    let between = |attempts, least: u64| {
        let wait = wait_after(attempts, &OsEntropy);
        let (least, most) = (Duration::from_secs(least), Duration::from_secs(least).mul_f64(1.2));
        assert!(least <= wait && wait <= most, "{attempts}: {wait:?}");
    };
    between(0, 10);
    between(3, 80);
    between(60, 6 * 3600);
    let several: std::collections::HashSet<_> = (0..64).map(|_| wait_after(9, &OsEntropy)).collect();
    assert!(several.len() > 1);
    let shortest: u64 = (0..MAX_ATTEMPTS - 1).map(|n| (10u64 << n.min(20)).min(6 * 3600)).sum();
    let days = Duration::from_secs(shortest).as_secs_f64() / 86_400.0;
    assert!((2.8..3.1).contains(&days) && days * 1.1 < 3.5, "{days}");
}
