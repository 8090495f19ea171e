use proptest::prelude::*;

use super::*;
use crate::entropy::{OsEntropy, PredictableEntropy};
use crate::keys::tests::ring;

const NOW: Timestamp = Timestamp::from_unix_seconds(1_000_000);

fn keys() -> TokenKeys {
    TokenKeys::new(&ring("root", None), "issuer".into(), "audience".into())
}

fn claims() -> SessionClaims {
    SessionClaims {
        sub: "person_1".into(),
        org: "org_1".into(),
        sid: SessionId::generate(&PredictableEntropy::from_seed(1)),
        iat: 999_999,
        exp: 1_000_100,
    }
}

/// Signs any header and payload with the right key: what only a bug of ours, or a thief, could do.
fn signed(header: &str, payload: &str) -> String {
    signed_raw(&URL_SAFE_NO_PAD.encode(header), &URL_SAFE_NO_PAD.encode(payload))
}

fn signed_raw(header: &str, payload: &str) -> String {
    let body = format!("{header}.{payload}");
    let tag = keys().signer.tag(&[body.as_bytes()]);
    format!("{body}.{}", URL_SAFE_NO_PAD.encode(tag))
}

const GOOD_HEADER: &str = r#"{"typ":"at+jwt","alg":"HS256"}"#;

fn payload_with(change: impl FnOnce(&mut serde_json::Map<String, serde_json::Value>)) -> String {
    let c = claims();
    let mut json = serde_json::json!({
        "iss": "issuer", "aud": "audience", "typ": "at+jwt", "sub": c.sub, "org": c.org,
        "sid": c.sid.as_str(), "iat": c.iat, "exp": c.exp,
    });
    change(json.as_object_mut().unwrap());
    json.to_string()
}

#[test]
fn the_header_constant_says_what_its_comment_says() {
    assert_eq!(URL_SAFE_NO_PAD.encode(GOOD_HEADER), HEADER);
    assert_eq!(keys().verify(&signed(GOOD_HEADER, &payload_with(|_| ())), NOW), Ok(claims()));
}

/// Computed apart, with Python's `hmac`, under the key that HKDF gives for this root and label.
#[test]
fn the_signature_is_hs256() {
    let key = ring("root", None).derive(KeyLabel::SessionToken);
    assert_eq!(
        crate::one_time_token::TokenHash(*key.current.expose()).to_hex(),
        "b70dde95d3eca7786346d033f5f140c081a05434e6dcfd842e72a66d26d9a8e6"
    );
    let signed = signed_raw(HEADER, "e30");
    assert_eq!(signed.rsplit_once('.').unwrap().1, "wZ9zrU5G7Y5RN7gF-QGdXox92dZBA35pq19OUqvIDng");
}

#[test]
fn expiry_is_exact_and_only_a_minute_of_clock_difference_is_forgiven() {
    let token = keys().issue(&claims());
    let at = |micros| keys().verify(token.expose(), Timestamp::from_micros(micros)).map(|c| c.exp);
    assert_eq!(at(1_000_100_000_000 - 1), Ok(1_000_100));
    assert_eq!(at(1_000_100_000_000), Err(TokenRefused::Expired));
    assert_eq!(at((999_999 - 60) * 1_000_000), Ok(1_000_100));
    assert_eq!(at((999_999 - 60) * 1_000_000 - 1), Err(TokenRefused::Malformed));
}

#[test]
fn a_token_that_comes_again_is_judged_like_the_first_time() {
    let keys = keys();
    let token = keys.issue(&claims());
    let at = |micros| keys.verify_again(token.expose(), Timestamp::from_micros(micros));
    for _ in 0..3 {
        assert_eq!(at(1_000_000_000_000).as_deref(), Ok(&claims()));
        assert_eq!(at(1_000_100_000_000), Err(TokenRefused::Expired));
        assert_eq!(at((999_999 - 60) * 1_000_000 - 1), Err(TokenRefused::Malformed));
    }
    let first = at(1_000_000_000_000).expect("good");
    assert!(Arc::ptr_eq(&first, &at(1_000_000_000_000).expect("good")), "it is not read again");
    for position in 0..token.expose().len() {
        let mut changed = token.expose().clone();
        let other = if &changed[position..=position] == "A" { "B" } else { "A" };
        changed.replace_range(position..=position, other);
        assert!(keys.verify_again(&changed, NOW).is_err(), "{position}");
    }
    assert!(keys.verify_again("", NOW).is_err() && keys.verify_again(&token.expose()[1..], NOW).is_err());
}

#[test]
fn headers_a_sender_could_choose_are_refused_even_with_a_good_signature() {
    for header in [
        r#"{"alg":"none"}"#,
        r#"{"typ":"at+jwt","alg":"none"}"#,
        r#"{"typ":"at+jwt","alg":"None"}"#,
        r#"{"typ":"at+jwt","alg":"nOnE"}"#,
        r#"{"typ":"at+jwt","alg":"RS256"}"#,
        r#"{"typ":"at+jwt","alg":"HS512"}"#,
        r#"{"typ":"at+jwt","alg":"HS256","kid":"../../../dev/null"}"#,
        r#"{"typ":"at+jwt","alg":"HS256","kid":"' OR 1=1 --"}"#,
        r#"{"typ":"at+jwt","alg":"HS256","jku":"https://evil.example/keys"}"#,
        r#"{"typ":"at+jwt","alg":"HS256","jwk":{"kty":"oct","k":"AAAA"}}"#,
        r#"{"typ":"at+jwt","alg":"HS256","x5u":"https://evil.example"}"#,
        r#"{"typ":"at+jwt","alg":"HS256","crit":["exp"]}"#,
        r#"{"typ":"at+jwt","alg":"HS256","b64":false,"crit":["b64"]}"#,
        r#"{"typ":"at+jwt","alg":"HS256","zip":"DEF"}"#,
        r#"{"typ":"at+jwt","alg":"HS256","alg":"HS256"}"#,
        r#"{"typ":"at+jwt","alg":"HS256"} "#,
        r#"{"typ":"JWT","alg":"HS256"}"#,
        r#"{"typ":"mfa-pending+jwt","alg":"HS256"}"#,
        r#"{"alg":"HS256"}"#,
        "",
        "null",
    ] {
        let token = signed(header, &payload_with(|_| ()));
        assert_eq!(keys().verify(&token, NOW), Err(TokenRefused::WrongType), "{header}");
    }
}

#[test]
fn odd_claims_are_refused_even_with_a_good_signature() {
    let refused = |payload: &str| keys().verify(&signed(GOOD_HEADER, payload), NOW).unwrap_err();
    for (name, value) in [("iss", "other"), ("aud", "other"), ("typ", "JWT"), ("typ", "AT+JWT")] {
        let payload = payload_with(|p| _ = p.insert(name.into(), value.into()));
        assert_eq!(refused(&payload), TokenRefused::WrongType, "{name}");
    }
    let good = payload_with(|_| ());
    for exp in ["\"1000100\"", "1e308", "1000100.0", "1.0001e6", "9223372036854775808", "null", "[1]", "-0.5"]
    {
        let payload = good.replace("\"exp\":1000100", &format!("\"exp\":{exp}"));
        assert_ne!(payload, good);
        assert_eq!(refused(&payload), TokenRefused::Malformed, "{exp}");
    }
    for exp in ["-1", "0", "999999", "-9223372036854775808"] {
        let payload = good.replace("\"exp\":1000100", &format!("\"exp\":{exp}"));
        assert_eq!(refused(&payload), TokenRefused::Expired, "{exp}");
    }
    for name in ["iss", "aud", "typ", "sub", "org", "sid", "iat", "exp"] {
        let payload = payload_with(|p| _ = p.remove(name));
        assert_eq!(refused(&payload), TokenRefused::Malformed, "without {name}");
    }
    let repeated = good.replacen('{', r#"{"sub":"person_2","#, 1);
    assert_eq!(refused(&repeated), TokenRefused::Malformed, "repeated claim");
    let unknown = good.replacen('{', r#"{"admin":true,"#, 1);
    assert_eq!(refused(&unknown), TokenRefused::Malformed, "unknown claim");
    for (name, value) in [("sub", ""), ("sid", "session_x"), ("sid", "")] {
        let payload = payload_with(|p| _ = p.insert(name.into(), value.into()));
        assert_eq!(refused(&payload), TokenRefused::Malformed, "{name}={value}");
    }
    let audiences = payload_with(|p| _ = p.insert("aud".into(), serde_json::json!(["audience"])));
    assert_eq!(refused(&audiences), TokenRefused::Malformed);
    for payload in ["", "{}", "null", "[]", "\u{feff}{}", "{\"a\":"] {
        assert_eq!(refused(payload), TokenRefused::Malformed, "{payload}");
    }
    assert_eq!(refused(&format!("{good}{good}")), TokenRefused::Malformed, "trailing data");
}

#[test]
fn odd_forms_are_refused() {
    let token = keys().issue(&claims());
    let token = token.expose();
    let [header, payload, signature] = token.split('.').collect::<Vec<_>>()[..] else { panic!() };
    for bad in [
        String::new(),
        ".".into(),
        "..".into(),
        "...".into(),
        format!("{header}.{payload}"),
        format!("{header}.{payload}."),
        format!("{header}.{payload}.{signature}.{signature}.{signature}"),
        format!("{token}="),
        format!("{token}\n"),
        format!("{token} "),
        format!("{header}.{payload}.{}", signature.replace(['-', '_', 'A'], "+")),
        format!("{{\"payload\":\"{payload}\",\"signatures\":[]}}"),
        "a".repeat(1_000_000),
    ] {
        assert!(keys().verify(&bad, NOW).is_err(), "{bad:.80}");
    }
    for bad in [format!(" {token}"), format!("{header}=.{payload}.{signature}")] {
        assert_eq!(keys().verify(&bad, NOW), Err(TokenRefused::WrongType));
    }
    assert_eq!(
        keys().verify(&signed_raw(HEADER, &format!("{payload}=")), NOW),
        Err(TokenRefused::Malformed),
        "padding"
    );
    let long = payload_with(|p| _ = p.insert("sub".into(), "x".repeat(8_000).into()));
    assert_eq!(keys().verify(&signed(GOOD_HEADER, &long), NOW), Err(TokenRefused::Malformed), "too long");
}

#[test]
fn keys_of_other_labels_and_roots_do_not_sign_sessions() {
    for (label, _, _) in crate::keys::inventory() {
        let mut forger = keys();
        forger.signer = ring("root", None).signer(*label);
        let outcome = keys().verify(forger.issue(&claims()).expose(), NOW);
        if *label == KeyLabel::SessionToken {
            assert_eq!(outcome, Ok(claims()));
        } else {
            assert_eq!(outcome, Err(TokenRefused::BadSignature), "{label:?}");
        }
    }
    let rotated = TokenKeys::new(&ring("new", Some("root")), "issuer".into(), "audience".into());
    assert_eq!(rotated.verify(keys().issue(&claims()).expose(), NOW), Ok(claims()));
    assert_eq!(keys().verify(rotated.issue(&claims()).expose(), NOW), Err(TokenRefused::BadSignature));
}

proptest! {
    #[test]
    fn what_is_issued_verifies(sub in "\\PC{1,40}", org in "\\PC{1,40}", iat in 0i64..1_000_000, life in 1i64..9_999) {
        let claims = SessionClaims { sub, org, sid: SessionId::generate(&OsEntropy), iat, exp: 1_000_000 + life };
        let token = keys().issue(&claims);
        prop_assert_eq!(keys().verify(token.expose(), NOW), Ok(claims));
    }

    #[test]
    fn the_short_way_reads_nothing_but_what_json_reads(
        texts in prop::array::uniform6("[a-z\"\\\\,:é\u{0}-\u{1f}]{0,6}"), iat in "-?[0-9+.e]{1,4}", exp in "[0-9 ]{1,4}"
    ) {
        let [iss, aud, typ, sub, org, sid] = texts;
        let json = format!(
            r#"{{"iss":"{iss}","aud":"{aud}","typ":"{typ}","sub":"{sub}","org":"{org}","sid":"{sid}","iat":{iat},"exp":{exp}}}"#
        );
        if let Some(short) = Payload::as_written(json.as_bytes()) {
            prop_assert_eq!(short, serde_json::from_str(&json).expect("JSON"));
        }
    }

    #[test]
    fn the_short_way_is_taken(sub in "[a-z0-9_é-]{1,40}", org in "[a-z0-9_]{1,40}", iat in 1i64.., exp in 1i64..) {
        let text = |text: &str| Cow::Owned(text.to_owned());
        let payload = Payload {
            iss: text("https://a.example"), aud: text("https://a.example/api"), typ: text(TYPE), sub: sub.into(),
            org: org.into(), sid: text("session_x"), iat, exp,
        };
        let json = payload.to_json();
        prop_assert_eq!(Payload::as_written(&json), Some(payload));
    }

    #[test]
    fn any_changed_character_is_noticed(position in 0usize..10_000, replacement in "[ -~]") {
        let token = keys().issue(&claims());
        let token = token.expose();
        let position = position % token.len();
        prop_assume!(token[position..=position] != replacement);
        let mut changed = token.clone();
        changed.replace_range(position..=position, &replacement);
        prop_assert!(keys().verify(&changed, NOW).is_err());
    }

    #[test]
    fn no_text_makes_it_panic_or_pass(text in "\\PC{0,300}") {
        prop_assert!(keys().verify(&text, NOW).is_err());
    }
}
