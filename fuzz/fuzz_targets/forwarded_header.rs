//! Forwarding headers: a peer nobody trusts is always the client itself, and what stands further left than
//! the first hop nobody trusts changes nothing.
#![no_main]

use std::net::IpAddr;

use hardening::client_address::{ForwardHeader, TrustedProxies};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
    let proxy: IpAddr = [10, 0, 0, 1].into();
    let stranger: IpAddr = [203, 0, 113, 9].into();
    for header in [ForwardHeader::XForwardedFor, ForwardHeader::Forwarded] {
        let proxies = TrustedProxies { ranges: vec!["10.0.0.0/8".parse().expect("a network")], header };
        assert_eq!(proxies.resolve(stranger, &lines).ip(), stranger);
        assert!(!proxies.forwarded_https(stranger, &lines, &lines));
        let found = proxies.resolve(proxy, &lines);
        assert!(!found.bucket().is_empty());
        let _ = proxies.forwarded_https(proxy, &lines, &lines);
        if !proxies.contains(found.ip()) {
            let mut longer: Vec<&[u8]> = vec![b"198.51.100.7", b"for=198.51.100.7"];
            longer.extend(&lines);
            assert_eq!(
                proxies.resolve(proxy, &longer).ip(),
                found.ip(),
                "somebody further left was believed"
            );
        }
    }
});
