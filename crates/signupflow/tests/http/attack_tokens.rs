//! Forged session tokens over HTTP (RFC 8725): whatever is not, byte for byte, a token of ours is a 401, and
//! nothing is looked up for it.

use crate::support::{Answer, OTHER_PASSWORD, PUBLIC_URL, Persona, TestApp};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hardening::keys::{KeyLabel, KeyRing, Signer};
use hardening::secret::Secret;
use reqwest::Method;
use serde_json::{Value, json};

const ROOT: &str = "0123456789abcdef0123456789abcdef-tokens";
const HEADER: &str = r#"{"typ":"at+jwt","alg":"HS256"}"#;

async fn app() -> TestApp {
    TestApp::with(&[("RATE_LIMITING_ENABLED", "false"), ("SECRET_KEY", ROOT)]).await
}

fn signer(label: KeyLabel) -> Signer {
    KeyRing::new(&Secret::new(ROOT.to_owned()), None).signer(label)
}

fn base64(text: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

/// Header and payload as given, under the real key: only what they say is wrong.
fn signed(header: &str, payload: &str) -> String {
    signed_by(&signer(KeyLabel::SessionToken), header, payload)
}

fn signed_by(signer: &Signer, header: &str, payload: &str) -> String {
    let text = format!("{}.{}", base64(header), base64(payload));
    let tag = signer.tag(&[text.as_bytes()]);
    format!("{text}.{}", base64(tag))
}

/// What the persona's real token says.
fn claims(persona: &Persona<'_>) -> Value {
    let payload = persona.token.split('.').nth(1).expect("three parts");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).expect("Base64")).expect("JSON")
}

/// The claims in the order they are issued in, so that an unchanged set gives the real token.
fn written(claims: &Value) -> String {
    let names = ["iss", "aud", "typ", "sub", "org", "sid", "iat", "exp"];
    let known = names.iter().filter_map(|name| Some(format!("{name:?}:{}", claims.get(*name)?)));
    let more = claims.as_object().expect("claims").iter().filter(|(name, _)| !names.contains(&name.as_str()));
    let all: Vec<String> = known.chain(more.map(|(name, value)| format!("{name:?}:{value}"))).collect();
    format!("{{{}}}", all.join(","))
}

async fn try_token(app: &TestApp, token: &str) -> Answer {
    let request =
        app.request(Method::GET, "/api/people/me").header("Authorization", format!("Bearer {token}"));
    Answer::of(request.send().await).await
}

async fn all_refused(app: &TestApp, tokens: Vec<(String, String)>) {
    let before = (app.hashes(), app.whole_audit_log().await.len());
    for (name, token) in tokens {
        let answer = try_token(app, &token).await;
        assert_eq!(answer.status, 401, "{name}: {}", answer.text);
        let answer = answer.expect_problem(401, "unauthenticated");
        assert_eq!(answer.header("www-authenticate"), r#"Bearer error="invalid_token""#, "{name}");
        assert!(!answer.text.contains("signature") && !answer.text.contains("algorithm"), "{}", answer.text);
    }
    assert_eq!((app.hashes(), app.whole_audit_log().await.len()), before);
}

fn named(tokens: &[(&str, String)]) -> Vec<(String, String)> {
    tokens.iter().map(|(name, token)| ((*name).to_owned(), token.clone())).collect()
}

/// The forgeries below are wrong for their one reason only: without it the token is good.
#[tokio::test]
async fn a_token_made_like_ours_under_our_key_is_good() {
    let app = app().await;
    let admin = app.admin().await;
    let token = signed(HEADER, &written(&claims(&admin)));
    assert_eq!(token, admin.token);
    try_token(&app, &token).await.expect(200);
}

/// A21: `none` in every spelling, other algorithms, and headers that name or carry a key.
#[tokio::test]
async fn no_other_header_is_accepted() {
    let app = app().await;
    let payload = written(&claims(&app.admin().await));
    let mut tokens = Vec::new();
    for alg in
        ["none", "None", "NONE", "nOnE", "", "HS384", "HS512", "RS256", "ES256", "EdDSA", "Ed25519", "hs256"]
    {
        let header = format!(r#"{{"typ":"at+jwt","alg":"{alg}"}}"#);
        tokens.push((format!("alg {alg}"), signed(&header, &payload)));
        tokens.push((format!("alg {alg}, unsigned"), format!("{}.{}.", base64(&header), base64(&payload))));
        tokens.push((format!("alg {alg}, two parts"), format!("{}.{}", base64(&header), base64(&payload))));
    }
    let long = "k".repeat(1024);
    for more in [
        r#""kid":"1""#,
        r#""kid":"../../../../dev/null""#,
        r#""kid":"x' UNION SELECT 'secret'--""#,
        r#""kid":"\u0000""#,
        &format!(r#""kid":"{long}""#),
        r#""jku":"https://evil.example/keys""#,
        r#""x5u":"https://evil.example/cert""#,
        r#""x5c":["MII"]"#,
        r#""jwk":{"kty":"oct","k":"AAAA"}"#,
        r#""crit":["exp"]"#,
        r#""crit":["b64"],"b64":false"#,
        r#""b64":false"#,
        r#""zip":"DEF""#,
        r#""cty":"JWT""#,
        r#""alg":"HS256""#,
    ] {
        let header = format!(r#"{{"typ":"at+jwt","alg":"HS256",{more}}}"#);
        tokens.push((header.clone(), signed(&header, &payload)));
    }
    for header in [
        r#"{"alg":"HS256"}"#,
        r#"{"typ":"JWT","alg":"HS256"}"#,
        r#"{"typ":"mfa-pending+jwt","alg":"HS256"}"#,
        r#"{"alg":"HS256","typ":"at+jwt"}"#,
        r#"{"typ": "at+jwt","alg":"HS256"}"#,
        r#"{"typ":"at+jwt","alg":"none","alg":"HS256"}"#,
        "{}",
        "[]",
        "",
    ] {
        tokens.push((format!("header {header}"), signed(header, &payload)));
    }
    all_refused(&app, tokens).await;
}

/// A21: claims of another type, value or number, under the real key.
#[tokio::test]
async fn no_other_claims_are_accepted() {
    let app = app().await;
    let (admin, other) = (app.admin().await, app.admin().await);
    let real = claims(&admin);
    let now = app.now().unix_seconds();
    let mut tokens = Vec::new();
    for (name, value) in [
        ("exp", json!("4102444800")),
        ("exp", json!(1e308)),
        ("exp", json!(-1)),
        ("exp", json!(9_223_372_036_854_775_808_u64)),
        ("exp", json!(now)),
        ("exp", json!(now - 1)),
        ("exp", json!(4_102_444_800.5)),
        ("exp", Value::Null),
        ("exp", json!([4_102_444_800_i64])),
        ("iat", json!(now + 61)),
        ("iat", json!("0")),
        ("iss", json!("https://evil.example")),
        ("iss", json!(format!("{PUBLIC_URL}/"))),
        ("aud", json!("another")),
        ("aud", json!(["signupflow"])),
        ("typ", json!("JWT")),
        ("typ", json!("mfa-pending+jwt")),
        ("sub", json!("")),
        ("sub", json!(other.id)),
        ("sub", json!({"$ne": ""})),
        ("sub", json!("' OR 1=1 --")),
        ("sub", json!("\u{0}")),
        ("org", json!(other.org_id)),
        ("org", json!("org_system")),
        ("sid", json!(format!("session_{}", "A".repeat(43)))),
        ("sid", json!("session_")),
        ("sid", json!("*")),
        ("sid", json!(other.session_id)),
        ("nbf", json!(now)),
        ("roles", json!(["admin"])),
        ("admin", json!(true)),
        ("2fa_pending", json!(false)),
    ] {
        let mut changed = real.clone();
        changed[name] = value.clone();
        tokens.push((format!("{name} = {value}"), signed(HEADER, &written(&changed))));
    }
    all_refused(&app, tokens).await;
    assert!(admin.is_signed_in().await && other.is_signed_in().await);
}

/// A21: claims left out or said twice, and payloads that are no claims at all.
#[tokio::test]
async fn every_claim_stands_there_once() {
    let app = app().await;
    let real = claims(&app.admin().await);
    let mut tokens = Vec::new();
    for name in ["iss", "aud", "typ", "sub", "org", "sid", "iat", "exp"] {
        let mut changed = real.clone();
        changed.as_object_mut().expect("claims").remove(name);
        tokens.push((format!("without {name}"), signed(HEADER, &written(&changed))));
        let twice = written(&real).replacen('{', &format!("{{{name:?}:{},", real[name]), 1);
        tokens.push((format!("{name} twice"), signed(HEADER, &twice)));
    }
    for payload in ["", "null", "[]", "{}", "1", "\"x\"", "{", "\u{feff}{}"] {
        tokens.push((format!("payload {payload}"), signed(HEADER, payload)));
    }
    tokens.push(("deep".into(), signed(HEADER, &"[".repeat(3000))));
    all_refused(&app, tokens).await;
}

/// A21: the same token in other clothes, altered, cut, or far too long.
#[tokio::test]
async fn no_other_spelling_is_accepted() {
    let app = app().await;
    let admin = app.admin().await;
    let parts: Vec<&str> = admin.token.split('.').collect();
    let [header, payload, signature] = parts[..] else { panic!("three parts") };
    let raw = URL_SAFE_NO_PAD.decode(signature).expect("Base64");
    let mut tokens = named(&[
        ("padded", format!("{header}.{payload}.{signature}=")),
        ("padding inside", format!("{header}=.{payload}.{signature}")),
        ("standard alphabet", format!("{header}.{payload}.{}+/", &signature[..41])),
        ("standard Base64", format!("{header}.{payload}.{}", STANDARD.encode(&raw))),
        ("five parts", format!("{header}..{payload}.{signature}.{signature}")),
        ("four parts", format!("{}.{signature}", admin.token)),
        ("a dot in front", format!(".{}", admin.token)),
        ("a dot behind", format!("{}.", admin.token)),
        ("inner space", admin.token.replace('.', ". ")),
        ("trailing text", format!("{} x", admin.token)),
        ("lower case", admin.token.to_lowercase()),
        ("quoted", format!("\"{}\"", admin.token)),
        ("JSON serialisation", format!(r#"{{"payload":"{payload}","signatures":[]}}"#)),
        ("no signature", format!("{header}.{payload}.")),
        ("signature cut", admin.token[..admin.token.len() - 1].to_owned()),
        ("zero signature", format!("{header}.{payload}.{}", base64([0; 32]))),
        ("long", format!("{header}.{}.{signature}", "A".repeat(9_000))),
        ("dots", ".".repeat(3_000)),
        ("empty", String::new()),
        ("a session id", admin.session_id.clone()),
    ]);
    for position in (0..admin.token.len()).step_by(17) {
        let mut changed = admin.token.clone().into_bytes();
        changed[position] = if changed[position] == b'A' { b'B' } else { b'A' };
        tokens.push((format!("altered at {position}"), String::from_utf8(changed).expect("ASCII")));
    }
    // The last character of a signature holds two bits that mean nothing: they must be zero.
    for last in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".chars() {
        if !admin.token.ends_with(last) {
            tokens.push((
                format!("ending in {last}"),
                format!("{}{last}", &admin.token[..admin.token.len() - 1]),
            ));
        }
    }
    all_refused(&app, tokens).await;
}

/// A63: what is signed for one purpose is worth nothing for another.
#[tokio::test]
async fn keys_and_tokens_of_other_purposes_open_nothing() {
    let app = app().await;
    let admin = app.admin().await;
    let payload = written(&claims(&admin));
    let mut tokens =
        named(&[("the CSRF token", admin.csrf.clone()), ("the device token", admin.device_token.clone())]);
    for (label, _, what) in hardening::keys::inventory() {
        if *label != KeyLabel::SessionToken {
            tokens.push(((*what).to_owned(), signed_by(&signer(*label), HEADER, &payload)));
        }
    }
    let raw = KeyRing::new(&Secret::new(format!("{ROOT} ")), None).signer(KeyLabel::SessionToken);
    tokens.push(("another root".into(), signed_by(&raw, HEADER, &payload)));
    all_refused(&app, tokens).await;
    let as_device = json!({"email": admin.email, "password": "wrong", "device_token": admin.token});
    app.post_from("192.0.2.1", "/api/auth/login", &as_device)
        .await
        .expect_problem(401, "invalid_credentials");
    for token in [&admin.token, &admin.csrf, &admin.device_token] {
        let unlock = json!({"token": token});
        app.post_from("192.0.2.1", "/api/auth/unlock", &unlock).await.expect_problem(400, "token_invalid");
    }
}

/// A21: a good token of a session that has ended is a bad one; so is one that outlives its person's password.
#[tokio::test]
async fn a_good_signature_does_not_outlive_the_session() {
    let app = app().await;
    let admin = app.admin().await;
    let ended = admin.on_another_device().await;
    ended.poke("/api/auth/logout").await.expect(204);
    let mut longer = claims(&ended);
    longer["exp"] = json!(4_102_444_800_i64);
    let tokens =
        named(&[("ended", ended.token.clone()), ("ended, prolonged", signed(HEADER, &written(&longer)))]);
    all_refused(&app, tokens).await;
    let body = json!({"old_password": admin.password, "new_password": OTHER_PASSWORD});
    admin.put("/api/auth/password", &body).await.expect(200);
    all_refused(&app, named(&[("before the new password", admin.token.clone())])).await;
}
