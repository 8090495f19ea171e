//! Redis, cookies, proxies, origins and the file of limits.

use std::fs;
use std::net::IpAddr;

use super::*;

#[test]
fn redis_url_beats_the_parts() {
    let parts = [("REDIS_HOST", "parts.example"), ("REDIS_PORT", "7000"), ("REDIS_PASSWORD", "pw")];
    let from_parts = loaded(development(&parts)).config.redis.unwrap();
    let endpoint = RedisEndpoint::Tcp { host: "parts.example".to_owned(), port: 7000, tls: false };
    assert_eq!((from_parts.endpoint, from_parts.database), (endpoint, 0));
    assert_eq!(from_parts.password.unwrap().expose(), "pw");
    let both = [parts.as_slice(), &[("REDIS_URL", "rediss://url.example/2")]].concat();
    let from_url = loaded(development(&both)).config.redis.unwrap();
    let endpoint = RedisEndpoint::Tcp { host: "url.example".to_owned(), port: 6379, tls: true };
    assert_eq!((from_url.endpoint, from_url.password, from_url.database), (endpoint, None, 2));
}

#[test]
fn what_container_platforms_inject_is_no_mistake() {
    let injected = [("REDIS_PORT", "tcp://10.0.0.11:6379"), ("REDIS_SERVICE_HOST", "10.0.0.11")];
    let loaded = loaded(development(&injected));
    assert!(loaded.config.redis.is_none());
    assert!(!warns(&loaded, "REDIS"), "{:?}", loaded.warnings);
}

#[test]
fn memory_beside_redis_is_fine_in_development() {
    let settings = [("REDIS_URL", "redis://localhost"), ("SESSION_STORAGE", "Memory")];
    assert_eq!(loaded(development(&settings)).config.session.storage, SessionStorage::Memory);
}

#[test]
fn secure_cookies_follow_the_public_url() {
    let secure = loaded(development(&[("PUBLIC_URL", "https://signup.example")])).config.network;
    assert!(secure.secure_cookies && !secure.https_only);
    let chosen = [("PUBLIC_URL", "https://signup.example"), ("SECURE_COOKIES", "false")];
    assert!(!loaded(development(&chosen)).config.network.secure_cookies);
}

#[test]
fn https_only_needs_an_https_address_to_send_people_to() {
    for settings in
        [&[("HTTPS_ONLY", "true")][..], &[("HTTPS_ONLY", "on"), ("PUBLIC_URL", "http://signup.example")]]
    {
        let errors = refusals(development(settings));
        assert_eq!(errors.len(), 1, "{errors:?}");
        assert_eq!(errors[0].subject, "HTTPS_ONLY");
        assert!(errors[0].reason.contains("PUBLIC_URL"), "{errors:?}");
        assert_eq!(errors[0].held, "is \"true\"");
    }
    let https = [("HTTPS_ONLY", "true"), ("PUBLIC_URL", "https://signup.example")];
    assert!(loaded(development(&https)).config.network.https_only);
    let unreadable = [("HTTPS_ONLY", "true"), ("PUBLIC_URL", "nonsense")];
    assert_eq!(subjects(development(&unreadable)), ["PUBLIC_URL"], "told once");
}

#[test]
fn proxies_and_origins_are_lists() {
    let network = loaded(development(&[
        ("TRUSTED_PROXIES", "10.0.0.0/8, 192.0.2.1,, 2001:db8::/32"),
        ("TRUSTED_PROXY_HEADER", "forwarded"),
        ("CORS_ALLOWED_ORIGINS", "https://a.example , https://b.example:8443"),
    ]))
    .config
    .network;
    assert_eq!(network.trusted_proxies.ranges.len(), 3);
    assert_eq!(network.trusted_proxies.header.name(), "Forwarded");
    assert!(network.trusted_proxies.contains("10.9.9.9".parse::<IpAddr>().unwrap()));
    let origins: Vec<_> = network.cors_allowed_origins.iter().map(Origin::as_str).collect();
    assert_eq!(origins, ["https://a.example", "https://b.example:8443"]);
}

#[test]
fn a_bad_rules_file_is_refused_with_its_line() {
    let (data_dir, mut values) = development(&[]);
    let path = data_dir.path().join("rules.toml");
    values.insert("RATE_LIMIT_RULES_FILE".to_owned(), path.to_str().unwrap().to_owned());
    fs::write(&path, "").unwrap();
    assert_eq!(Config::load(&values).unwrap().config.rate_limit.rules_file.as_deref(), Some(path.as_path()));
    fs::write(&path, "\n\n[[rule]]\nnonsense = 1\n").unwrap();
    let error = Config::load(&values).unwrap_err().errors.remove(0);
    assert_eq!(error.subject, "RATE_LIMIT_RULES_FILE");
    assert!(error.reason.starts_with("line "), "{error:?}");
    let rule = |route| {
        format!("[[rule]]\nroute = '{route}'\nlimit = 1\nwindow = 1\nper = 'ip'\ncount = 'requests'\n")
    };
    for known in ["/api/events", "/api/people/{id}", "/api/audit/*", "/forgot-password", "/ready"] {
        fs::write(&path, rule(known)).unwrap();
        assert!(Config::load(&values).is_ok(), "{known}");
    }
    for (unknown, nearest) in [
        ("/api/event", "/api/events"),
        ("/api/people/{person}", "/api/people/{id}"),
        ("/api/team/*", "/api/teams"),
    ] {
        fs::write(&path, rule(unknown)).unwrap();
        let reason = Config::load(&values).unwrap_err().errors.remove(0).reason;
        assert_eq!(reason, format!("line 2: there is no route {unknown}; did you mean {nearest}?"));
    }
}
