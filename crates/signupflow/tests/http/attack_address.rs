//! Pretending to be many: forged forwarding headers, rotating addresses, spellings of one account, spraying.

use crate::support::{Answer, PASSWORD, TestApp, fresh_email, fresh_ip};
use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

const BLOCK: u64 = 900;

/// One guess at an account nobody else guesses at.
async fn stray_guess(app: &TestApp, forwarded: &str) -> Answer {
    app.login_from(forwarded, &fresh_email(), "spring2026").await
}

async fn use_up(app: &TestApp, forwarded: impl Fn(usize) -> String) {
    for n in 0..20 {
        stray_guess(app, &forwarded(n)).await.expect_problem(401, "invalid_credentials");
    }
}

#[track_caller]
fn expect_blocked(answer: Answer) -> Answer {
    let blocked = answer.expect_problem(429, "rate_limited");
    assert_eq!((blocked.header("x-ratelimit-limit"), blocked.header("x-ratelimit-remaining")), ("20", "0"));
    blocked
}

/// A01: nobody is trusted by default, so whatever a peer writes into its headers, it counts as itself.
#[tokio::test]
async fn an_untrusted_peer_is_counted_whatever_it_claims() {
    let app = TestApp::with(&[("TRUSTED_PROXIES", "")]).await;
    let victim = fresh_email();
    let names = [
        "X-Forwarded-For",
        "Forwarded",
        "X-Real-IP",
        "CF-Connecting-IP",
        "True-Client-IP",
        "X-Client-IP",
        "X-Cluster-Client-IP",
        "Fastly-Client-IP",
        "X-Originating-IP",
        "Via",
    ];
    for n in 0..21 {
        let mut request = app.http.request(Method::POST, format!("http://{}/api/auth/login", app.address));
        for name in names {
            let claim = if name == "Forwarded" { format!("for={}", fresh_ip()) } else { fresh_ip() };
            request = request.header(name, claim);
        }
        let email = if n < 5 { victim.clone() } else { fresh_email() };
        let answer = Answer::of(request.json(&json!({"email": email, "password": "x"})).send().await).await;
        if n < 20 {
            answer.expect_problem(401, "invalid_credentials");
        } else {
            expect_blocked(answer);
        }
    }
    let rows = app.audit_rows("auth.login_failed").await;
    assert!(rows.iter().all(|row| row.ip_address.as_deref() == Some("127.0.0.1")), "the peer is on record");
}

/// A01: behind the trusted proxy the right-most untrusted hop counts, whatever stands left of it.
#[tokio::test]
async fn only_the_hop_that_our_proxy_saw_counts() {
    let app = TestApp::start().await;
    let real = fresh_ip();
    use_up(&app, |n| format!("6.6.6.{n}, 7.7.7.{n}, {real}")).await;
    for chain in [
        real.clone(),
        format!("unknown, {real}"),
        format!("evil, evil, {real}"),
        format!("9.9.9.9, ::ffff:{real}"),
        format!("9.9.9.9, {real}:4711"),
        format!("9.9.9.9, {real}, 127.0.0.1"),
        format!("{}, {real}", "8.8.8.8, ".repeat(800).trim_end_matches(", ")),
        format!("\"[2001:db8::1]:443\", {real}"),
    ] {
        expect_blocked(stray_guess(&app, &chain).await);
    }
    stray_guess(&app, &format!("{real}, {}", fresh_ip())).await.expect(401);
}

/// A01: two header lines are one chain, and the header that our proxies do not write is ignored.
#[tokio::test]
async fn split_lines_are_one_chain_and_the_other_header_is_ignored() {
    let app = TestApp::start().await;
    let real = fresh_ip();
    use_up(&app, |_| real.clone()).await;
    let send = |lines: Vec<(&'static str, String)>| {
        let mut request = app.http.request(Method::POST, format!("http://{}/api/auth/login", app.address));
        for (name, value) in lines {
            request = request.header(name, value);
        }
        request.json(&json!({"email": fresh_email(), "password": "x"})).send()
    };
    let split = vec![("X-Forwarded-For", fresh_ip()), ("X-Forwarded-For", real.clone())];
    expect_blocked(Answer::of(send(split).await).await);
    let other = vec![("X-Forwarded-For", real), ("Forwarded", format!("for={}", fresh_ip()))];
    expect_blocked(Answer::of(send(other).await).await);
}

/// A01: with `TRUSTED_PROXY_HEADER=Forwarded` it is the other way round.
#[tokio::test]
async fn the_standard_header_counts_where_it_is_configured() {
    let app = TestApp::with(&[("TRUSTED_PROXY_HEADER", "Forwarded")]).await;
    let real = fresh_ip();
    for n in 0..21 {
        let request = app
            .request_from(&fresh_ip(), Method::POST, "/api/auth/login")
            .header("Forwarded", format!("for=6.6.6.{n}, for=\"{real}:80\";proto=https"));
        let body = json!({"email": fresh_email(), "password": "x"});
        let answer = Answer::of(request.json(&body).send().await).await;
        if n < 20 {
            answer.expect(401)
        } else {
            expect_blocked(answer)
        };
    }
}

/// A02: all addresses of one /64 are one client, those of the next are another.
#[tokio::test]
async fn an_ipv6_network_is_one_client() {
    let app = TestApp::start().await;
    use_up(&app, |n| format!("2001:db8:1:2:{n:x}::{n:x}")).await;
    for address in ["2001:db8:1:2:ffff:ffff:ffff:ffff", "[2001:db8:1:2::99]:443", "2001:0DB8:0001:0002::1"] {
        expect_blocked(stray_guess(&app, address).await);
    }
    stray_guess(&app, "2001:db8:1:3::1").await.expect(401);
}

/// A07 and section 5: one password for many accounts from one address ends at twenty failures, for every
/// account, for a quarter of an hour to the second; other addresses are fine.
#[tokio::test]
async fn spraying_blocks_the_address_for_every_account() {
    let app = TestApp::start().await;
    let (person, sprayer) = (app.admin().await, fresh_ip());
    let hashes = app.hashes();
    use_up(&app, |_| sprayer.clone()).await;
    for waited in [0, 1, BLOCK - 2] {
        app.advance(waited);
        expect_blocked(stray_guess(&app, &sprayer).await);
        expect_blocked(app.login_from(&sprayer, &person.email, PASSWORD).await);
    }
    assert_eq!(app.hashes(), hashes + 20, "a blocked address reaches no hash");
    app.login_from(&fresh_ip(), &person.email, PASSWORD).await.expect(200);
    let rows = app.audit_rows("auth.rate_limited").await;
    assert_eq!(rows.len(), 2, "one row a window, whichever account is tried");
    app.advance(1);
    app.login_from(&sprayer, &person.email, PASSWORD).await.expect(200);
    assert_eq!(app.audit_rows("auth.account_locked").await.len(), 1, "the address's block");
}

/// Section 5: an own account does not buy fresh guesses: a success never clears the address's budget.
#[tokio::test]
async fn a_success_does_not_clear_the_address() {
    let app = TestApp::start().await;
    let (own, ip) = (app.admin().await, fresh_ip());
    for _ in 0..19 {
        stray_guess(&app, &ip).await.expect(401);
    }
    let success = app.login_from(&ip, &own.email, PASSWORD).await.expect(200);
    assert_eq!(success.header("x-ratelimit-remaining"), "1", "the tightest is the address's: {success:?}");
    stray_guess(&app, &ip).await.expect(401);
    expect_blocked(app.login_from(&ip, &own.email, PASSWORD).await);
}

/// A03: every spelling of one address is one account, known or not.
#[tokio::test]
async fn spellings_of_one_address_share_one_budget() {
    let app = TestApp::start().await;
    let known = app.admin().await.email;
    let kate = |email: &str| email.replace("person", "kate.person");
    for email in [known.clone(), kate(&fresh_email())] {
        let full_width: String = email.chars().map(|c| if c == 'p' { 'ｐ' } else { c }).collect();
        let spellings = [
            email.to_uppercase(),
            format!("  {email}\t"),
            full_width,
            email.replace("example", "EXAMPLE"),
            email.replace('k', "\u{212A}").replace('s', "ſ"),
        ];
        for (spelling, left) in spellings.iter().zip((0..5).rev()) {
            let refused = app.login_from(&fresh_ip(), spelling, "x").await;
            let refused = refused.expect_problem(401, "invalid_credentials");
            assert_eq!(refused.header("x-ratelimit-remaining"), left.to_string(), "{spelling}");
        }
        app.login_from(&fresh_ip(), &email, PASSWORD).await.expect_problem(429, "account_locked");
    }
    let plus = known.replace('@', "+tag@");
    app.login_from(&fresh_ip(), &plus, "x").await.expect_problem(401, "invalid_credentials");
}

/// A03: no spelling of the path leads past the limit: it is the same route, or none.
#[tokio::test]
async fn spellings_of_the_path_lead_nowhere_else() {
    let app = TestApp::start().await;
    let email = app.admin().await.email;
    for _ in 0..5 {
        app.login_from(&fresh_ip(), &email, "x").await.expect(401);
    }
    for path in [
        "/api/auth/login?x=1",
        "/api/auth/login?",
        "//api/auth/login",
        "/api//auth/login",
        "/api/auth/login/",
        "/api/./auth/login",
        "/x/../api/auth/login",
        "/api/auth%2flogin",
        "/API/auth/login",
        "/api/auth/login;x",
        "/api/auth/login%20",
        "/%61pi/auth/login",
    ] {
        let status = raw_login(&app, path, &email, "").await;
        assert!([404, 429].contains(&status), "{path}: {status}");
    }
    for header in ["X-HTTP-Method-Override: GET", "X-Original-URL: /api/people/me", "X-Rewrite-URL: /"] {
        assert_eq!(
            raw_login(&app, "/api/auth/login", &email, &format!("{header}\r\n")).await,
            429,
            "{header}"
        );
    }
}

/// The right password in a request whose target is sent exactly as it stands here.
async fn raw_login(app: &TestApp, target: &str, email: &str, header: &str) -> u16 {
    let body = json!({"email": email, "password": PASSWORD}).to_string();
    let request = format!(
        "POST {target} HTTP/1.1\r\nHost: accounts.test\r\nX-Forwarded-For: {}\r\n{header}\
         Content-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        fresh_ip(),
        body.len()
    );
    let mut stream = tokio::net::TcpStream::connect(app.address).await.expect("connected");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status")
}

/// A03: HTTP/2 and HTTP/1.1 take from one budget.
#[tokio::test]
async fn both_versions_of_http_share_one_budget() {
    let app = TestApp::start().await;
    let victim = app.admin().await;
    let second = reqwest::Client::builder().http2_prior_knowledge().build().expect("a client");
    for left in (0..=5).rev() {
        let (client, version) = if left % 2 == 0 {
            (&second, reqwest::Version::HTTP_2)
        } else {
            (&app.http, reqwest::Version::HTTP_11)
        };
        let request = client.post(format!("http://{}/api/auth/login", app.address));
        let body = json!({"email": victim.email, "password": "wrong"});
        let response =
            request.header("X-Forwarded-For", fresh_ip()).json(&body).send().await.expect("served");
        assert_eq!(response.version(), version);
        if left > 0 {
            assert_eq!(response.status(), 401);
            assert_eq!(response.headers()["x-ratelimit-remaining"], (left - 1).to_string());
        } else {
            assert_eq!(response.status(), 429);
        }
    }
}
