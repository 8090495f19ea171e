use super::*;
use proptest::prelude::*;

fn shown(url: &str) -> String {
    format!("{:?}", RedisTarget::parse(url).expect("a valid URL"))
}

#[test]
fn every_form_is_read() {
    assert_eq!(shown("redis://localhost"), "localhost:6379");
    assert_eq!(shown("rediss://u:p@example.org:6380/2"), "example.org:6380");
    assert_eq!(shown("redis+unix:///run/redis.sock"), "/run/redis.sock");
    assert_eq!(
        shown("redis+sentinel://u:p@a,b:1,[::1]:2/main/3"),
        "main of the sentinels a:26379, b:1, ::1:2"
    );
    assert_eq!(shown("rediss+cluster://:p@a,b,[::1]"), "the cluster of a:6379, b:6379, ::1:6379");
}

#[test]
fn credentials_database_and_protocol_arrive() {
    let url = "rediss+sentinel://us%40er:p%2Fw@a/main/3?sentinel_password=s%26p";
    let RedisTarget::Sentinel { sentinels, master, settings, tls } = RedisTarget::parse(url).expect("valid")
    else {
        panic!("it names sentinels")
    };
    assert_eq!((master.as_str(), settings.db(), tls), ("main", 3, true));
    assert_eq!((settings.username(), settings.password()), (Some("us@er"), Some("p/w")));
    assert_eq!(sentinels[0].redis_settings().password(), Some("s&p"));
    assert!(matches!(sentinels[0].addr(), ConnectionAddr::TcpTls { insecure: false, .. }));
    assert_eq!(settings.protocol(), ProtocolVersion::RESP3);

    let RedisTarget::Standalone(info) = RedisTarget::parse("redis://:pw@h/1").expect("valid") else {
        panic!("one server")
    };
    assert_eq!((info.redis_settings().password(), info.redis_settings().db()), (Some("pw"), 1));
    assert_eq!(info.redis_settings().protocol(), ProtocolVersion::RESP3);
    assert!(info.tcp_settings().nodelay());
}

#[test]
fn what_cannot_be_used_is_refused_without_the_password() {
    for url in [
        "localhost:6379",
        "http://:hunter2@h",
        "redis://:hunter2@h/db",
        "rediss://:hunter2@h/#insecure",
        "redis+sentinel://:hunter2@h",
        "redis+sentinel://:hunter2@h/main/x",
        "redis+sentinel://:hunter2@h,/main",
        "redis+cluster://:hunter2@h:99999",
        "redis+cluster://:hunter2@h/1",
    ] {
        let error = RedisTarget::parse(url).expect_err(url);
        assert!(!error.is_empty() && !error.contains("hunter2"), "{url}: {error}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(scheme in "rediss?(\\+(cluster|sentinel|unix))?", rest in "\\PC{0,40}") {
        let _ = RedisTarget::parse(&format!("{scheme}://{rest}"));
        let _ = RedisTarget::parse(&rest);
    }

    #[test]
    fn passwords_never_show(password in "[a-z]{12}") {
        for form in ["redis://:P@h", "redis+sentinel://:P@h/m", "redis+cluster://:P@h"] {
            let shown = shown(&form.replace('P', &password));
            prop_assert!(!shown.contains(&password));
        }
    }
}
