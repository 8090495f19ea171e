//! The address a request counts for, also behind proxies.
//!
//! * A forwarding header is believed only when the peer itself is a trusted proxy, and only the one header
//!   that this deployment's proxies write. Trusted by default: nobody.
//! * The chain is read from the right, where our own proxies wrote: the first address that is not a trusted
//!   proxy is the client. What stands left of it may be invented and is not looked at. When all are trusted
//!   the left-most is the client.
//! * A hop that cannot be read (`unknown`, an obfuscated name, an empty element, nonsense) ends the walk: the
//!   request then counts for the last address that was certain, never for an invented one.
//! * IPv4-mapped IPv6 addresses are IPv4 addresses; IPv6 counts per /64, the smallest network that one
//!   customer gets (RFC 6177).
//!
//! What the deployment must ensure: every trusted proxy appends to the header (or sets it anew).
//!
//! ```
//! use hardening::client_address::{ForwardHeader, TrustedProxies};
//! let proxies = TrustedProxies {
//!     ranges: vec!["10.0.0.0/8".parse().unwrap()],
//!     header: ForwardHeader::XForwardedFor,
//! };
//! let lines: [&[u8]; 1] = [b"6.6.6.6, 203.0.113.9, 10.1.1.1"];
//! let behind_proxies = proxies.resolve("10.2.2.2".parse().unwrap(), &lines);
//! assert_eq!(behind_proxies.bucket(), "203.0.113.9");
//! let stranger = proxies.resolve("198.51.100.7".parse().unwrap(), &lines);
//! assert_eq!(stranger.bucket(), "198.51.100.7");
//! ```

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use ipnet::IpNet;

/// More proxies in a row than this are not followed.
const MAX_HOPS: usize = 32;
/// No element that names one hop is longer, parameters of `Forwarded` included.
const MAX_ELEMENT: usize = 512;

/// Which header the proxies of this deployment write. The other one is ignored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ForwardHeader {
    /// `X-Forwarded-For: client, proxy1`.
    #[default]
    XForwardedFor,
    /// `Forwarded: for=client;proto=https, for=proxy1` (RFC 7239).
    Forwarded,
}

impl ForwardHeader {
    /// The header's name, as configurations write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::XForwardedFor => "X-Forwarded-For",
            Self::Forwarded => "Forwarded",
        }
    }
}

impl FromStr for ForwardHeader {
    type Err = UnknownForwardHeader;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::XForwardedFor, Self::Forwarded]
            .into_iter()
            .find(|header| header.name().eq_ignore_ascii_case(text))
            .ok_or(UnknownForwardHeader)
    }
}

/// Neither of the two headers that are understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be X-Forwarded-For or Forwarded")]
pub struct UnknownForwardHeader;

/// The proxies whose forwarding header is believed. The default believes nobody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies {
    /// Their networks.
    pub ranges: Vec<IpNet>,
    /// The header they write.
    pub header: ForwardHeader,
}

impl TrustedProxies {
    /// Whether the address is one of them.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.ranges.iter().any(|range| range.contains(&address))
    }

    /// The client's address. `header_lines` are the values of [`Self::header`], one for each time the header
    /// stands in the request, in their order.
    pub fn resolve(&self, peer: IpAddr, header_lines: &[&[u8]]) -> ClientAddress {
        let mut certain = peer.to_canonical();
        let hops = header_lines.iter().rev().flat_map(|line| ElementsFromRight(Some(line)));
        for element in hops.take(MAX_HOPS) {
            if !self.contains(certain) {
                break;
            }
            let Some(address) = self.hop(element) else { break };
            certain = address;
        }
        ClientAddress(certain)
    }

    /// Whether a trusted proxy says that the client came over TLS. Read from the right-most element: with
    /// `Forwarded`, its `proto`, if it has one; else from `X-Forwarded-Proto`. Both arguments are lines as in
    /// [`Self::resolve`].
    pub fn forwarded_https(
        &self,
        peer: IpAddr,
        header_lines: &[&[u8]],
        x_forwarded_proto_lines: &[&[u8]],
    ) -> bool {
        if !self.contains(peer) {
            return false;
        }
        let nearest = |lines: &[&[u8]]| {
            let element = ElementsFromRight(Some(lines.last()?)).next()??;
            std::str::from_utf8(element).ok().map(str::to_owned)
        };
        let standard = match self.header {
            ForwardHeader::Forwarded => {
                nearest(header_lines).and_then(|e| Some(parameter(&e, "proto")?.to_owned()))
            }
            ForwardHeader::XForwardedFor => None,
        };
        let proto = standard.or_else(|| nearest(x_forwarded_proto_lines));
        proto.is_some_and(|p| p.trim().eq_ignore_ascii_case("https"))
    }

    fn hop(&self, element: Option<&[u8]>) -> Option<IpAddr> {
        let element = std::str::from_utf8(element?).ok()?;
        let node = match self.header {
            ForwardHeader::XForwardedFor => unquote(element.trim()),
            ForwardHeader::Forwarded => parameter(element, "for")?,
        };
        parse_node(node)
    }
}

/// The elements of a comma-separated line, last first; `None` for one too long to look at, after which
/// nothing more comes. Quotes are paired from the right, so what a client wrote on the left cannot swallow
/// what a proxy appended.
struct ElementsFromRight<'a>(Option<&'a [u8]>);

impl<'a> Iterator for ElementsFromRight<'a> {
    type Item = Option<&'a [u8]>;

    fn next(&mut self) -> Option<Self::Item> {
        let line = self.0.take()?;
        let mut quoted = false;
        for (length, position) in (0..line.len()).rev().enumerate() {
            if length > MAX_ELEMENT {
                return Some(None);
            }
            match line[position] {
                b'"' => quoted = !quoted,
                b',' if !quoted => {
                    self.0 = Some(&line[..position]);
                    return Some(Some(&line[position + 1..]));
                }
                _ => {}
            }
        }
        Some(Some(line))
    }
}

/// A parameter of a `Forwarded` element; `None` when it is missing or there twice.
fn parameter<'a>(element: &'a str, name: &str) -> Option<&'a str> {
    let mut values = element.split(';').filter_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        key.trim().eq_ignore_ascii_case(name).then(|| unquote(value.trim()))
    });
    let value = values.next()?;
    values.next().is_none().then_some(value)
}

fn unquote(text: &str) -> &str {
    text.strip_prefix('"').and_then(|t| t.strip_suffix('"')).unwrap_or(text)
}

/// `1.2.3.4`, `1.2.3.4:5678`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:5678`.
fn parse_node(node: &str) -> Option<IpAddr> {
    let bare = node.parse::<IpAddr>().ok();
    let bracketed = || {
        let inner = node.strip_prefix('[')?.strip_suffix(']')?;
        inner.parse::<Ipv6Addr>().ok().map(IpAddr::V6)
    };
    let with_port = || node.parse::<SocketAddr>().ok().map(|s| s.ip());
    bare.or_else(bracketed).or_else(with_port).map(|address| address.to_canonical())
}

/// The address a request counts for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClientAddress(IpAddr);

impl ClientAddress {
    /// From an address that is known for certain.
    pub const fn new(address: IpAddr) -> Self {
        Self(address.to_canonical())
    }

    /// The address itself; never an IPv4-mapped IPv6 one.
    pub const fn ip(self) -> IpAddr {
        self.0
    }

    /// What limits count under: an IPv4 address itself, an IPv6 address's /64 network.
    pub fn bucket(self) -> String {
        match self.0 {
            IpAddr::V4(v4) => v4.to_string(),
            IpAddr::V6(v6) => {
                let network = Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64));
                format!("{network}/64")
            }
        }
    }
}

impl fmt::Display for ClientAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn proxies(header: ForwardHeader) -> TrustedProxies {
        let ranges = ["10.0.0.0/8", "fd00::/8", "127.0.0.1/32"].map(|r| r.parse().unwrap());
        TrustedProxies { ranges: ranges.into(), header }
    }

    fn xff(peer: &str, lines: &[&str]) -> String {
        let lines: Vec<&[u8]> = lines.iter().map(|l| l.as_bytes()).collect();
        proxies(ForwardHeader::XForwardedFor).resolve(peer.parse().unwrap(), &lines).to_string()
    }

    fn forwarded(peer: &str, lines: &[&str]) -> String {
        let lines: Vec<&[u8]> = lines.iter().map(|l| l.as_bytes()).collect();
        proxies(ForwardHeader::Forwarded).resolve(peer.parse().unwrap(), &lines).to_string()
    }

    #[test]
    fn an_untrusted_peer_counts_for_itself_whatever_it_claims() {
        for claim in ["1.2.3.4", "10.0.0.1", "127.0.0.1", "", "unknown", "1.1.1.1, 10.0.0.1"] {
            assert_eq!(xff("198.51.100.7", &[claim]), "198.51.100.7");
            assert_eq!(forwarded("198.51.100.7", &[&format!("for={claim}")]), "198.51.100.7");
        }
        let nobody = TrustedProxies::default();
        let lines: [&[u8]; 1] = [b"1.2.3.4"];
        assert_eq!(nobody.resolve("127.0.0.1".parse().unwrap(), &lines).to_string(), "127.0.0.1");
    }

    #[test]
    fn the_right_most_untrusted_hop_is_the_client() {
        for (lines, client) in [
            (&["203.0.113.9"][..], "203.0.113.9"),
            (&["6.6.6.6, 6.6.6.6, 203.0.113.9"], "203.0.113.9"),
            (&["6.6.6.6, 203.0.113.9, 10.1.1.1, 10.2.2.2"], "203.0.113.9"),
            (&["6.6.6.6", "203.0.113.9, 10.1.1.1"], "203.0.113.9"),
            (&["6.6.6.6, 203.0.113.9", "10.1.1.1"], "203.0.113.9"),
            (&["203.0.113.9:4711"], "203.0.113.9"),
            (&["\"203.0.113.9:4711\""], "203.0.113.9"),
            (&["::ffff:203.0.113.9"], "203.0.113.9"),
            (&["6.6.6.6, ::ffff:10.1.1.1"], "6.6.6.6"),
            (&["2001:db8::1"], "2001:db8::1"),
            (&["[2001:db8::1]"], "2001:db8::1"),
            (&["[2001:db8::1]:443, fd00::7"], "2001:db8::1"),
            (&["\t203.0.113.9 \t"], "203.0.113.9"),
            (&["10.3.3.3, 10.2.2.2"], "10.3.3.3"),
            (&[], "10.0.0.1"),
        ] {
            assert_eq!(xff("10.0.0.1", lines), client, "{lines:?}");
        }
        assert_eq!(xff("::ffff:10.0.0.1", &["203.0.113.9"]), "203.0.113.9", "mapped peer");
    }

    #[test]
    fn a_hop_that_cannot_be_read_ends_the_walk_at_what_is_certain() {
        for last in [
            "unknown",
            "_hidden",
            "",
            " ",
            "1.2.3",
            "1.2.3.4.5",
            "[::1",
            "::1]",
            "evil",
            "fe80::1%eth0",
            "1.2.3.4:99999",
            "[1.2.3.4]",
            "0x7f000001",
            "1.2.3.4;",
            "é",
        ] {
            assert_eq!(xff("10.0.0.1", &[&format!("6.6.6.6, {last}")]), "10.0.0.1", "{last}");
            assert_eq!(xff("10.0.0.1", &[&format!("6.6.6.6, {last}, 10.9.9.9")]), "10.9.9.9", "{last}");
        }
        let lines: [&[u8]; 1] = [b"6.6.6.6, \xff"];
        let client = proxies(ForwardHeader::XForwardedFor).resolve("10.0.0.1".parse().unwrap(), &lines);
        assert_eq!(client.to_string(), "10.0.0.1");
    }

    #[test]
    fn long_lines_cost_no_more_than_what_is_read_of_them() {
        let long = format!("{}, 203.0.113.9", "6.6.6.6, ".repeat(100_000));
        assert_eq!(xff("10.0.0.1", &[&long]), "203.0.113.9");
        assert_eq!(xff("10.0.0.1", &[&"x".repeat(10_240)]), "10.0.0.1");
        assert_eq!(xff("10.0.0.1", &[&format!("6.6.6.6, {}", "1".repeat(10_240))]), "10.0.0.1");
        let many_proxies = format!("6.6.6.6{}", ", 10.1.1.1".repeat(100));
        assert_eq!(xff("10.0.0.1", &[&many_proxies]), "10.1.1.1");
    }

    #[test]
    fn the_standard_header_is_read_too() {
        for (lines, client) in [
            (&["for=203.0.113.9"][..], "203.0.113.9"),
            (&["For=203.0.113.9;proto=http;by=10.0.0.1"], "203.0.113.9"),
            (&["proto=https; for=\"[2001:db8::1]:4711\""], "2001:db8::1"),
            (&["for=6.6.6.6, for=203.0.113.9, for=10.1.1.1"], "203.0.113.9"),
            (&["for=6.6.6.6", "for=203.0.113.9;ext=\"a,b;c\""], "203.0.113.9"),
            (&["for=\"evil, for=203.0.113.9"], "203.0.113.9"),
            (&["for=\"evil", "for=203.0.113.9"], "203.0.113.9"),
            (&["for=6.6.6.6, for=unknown"], "10.0.0.1"),
            (&["for=6.6.6.6, for=_gateway"], "10.0.0.1"),
            (&["for=6.6.6.6, proto=https"], "10.0.0.1"),
            (&["for=6.6.6.6, for=1.1.1.1;for=2.2.2.2"], "10.0.0.1"),
            (&["for=6.6.6.6, 203.0.113.9"], "10.0.0.1"),
        ] {
            assert_eq!(forwarded("10.0.0.1", lines), client, "{lines:?}");
        }
    }

    #[test]
    fn https_is_believed_from_a_trusted_proxy_only() {
        let told = |header, peer: &str, forwarded: &[&[u8]], proto: &[&[u8]]| {
            proxies(header).forwarded_https(peer.parse().unwrap(), forwarded, proto)
        };
        let x = ForwardHeader::XForwardedFor;
        assert!(told(x, "10.0.0.1", &[], &[b"https"]) && told(x, "10.0.0.1", &[], &[b" HTTPS "]));
        assert!(!told(x, "198.51.100.7", &[], &[b"https"]));
        assert!(!told(x, "10.0.0.1", &[], &[]) && !told(x, "10.0.0.1", &[], &[b"https, http"]));
        assert!(!told(x, "10.0.0.1", &[], &[b"https", b"http"]) && !told(x, "10.0.0.1", &[], &[b"httpsx"]));
        let f = ForwardHeader::Forwarded;
        assert!(told(f, "10.0.0.1", &[b"for=1.1.1.1;proto=https"], &[]));
        assert!(!told(f, "10.0.0.1", &[b"for=1.1.1.1;proto=http"], &[b"https"]));
        assert!(told(f, "10.0.0.1", &[b"for=1.1.1.1"], &[b"https"]));
    }

    #[test]
    fn buckets_are_addresses_and_64_bit_networks() {
        let bucket = |a: &str| ClientAddress::new(a.parse().unwrap()).bucket();
        assert_eq!(bucket("203.0.113.9"), "203.0.113.9");
        assert_eq!(bucket("::ffff:203.0.113.9"), "203.0.113.9");
        assert_eq!(bucket("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
        assert_ne!(bucket("2001:db8:1:2::1"), bucket("2001:db8:1:3::1"));
    }

    #[test]
    fn header_names_parse_in_any_case() {
        assert_eq!("x-forwarded-for".parse(), Ok(ForwardHeader::XForwardedFor));
        assert_eq!("Forwarded".parse(), Ok(ForwardHeader::Forwarded));
        assert!("X-Real-IP".parse::<ForwardHeader>().is_err());
    }

    proptest! {
        #[test]
        fn nothing_left_of_the_client_matters(garbage in "[ -~]{0,200}", octet in 1u8..9, proxies in 0usize..5) {
            let client = format!("203.0.113.{octet}");
            let line = format!("{garbage}, {client}{}", ", 10.1.1.1".repeat(proxies));
            prop_assert_eq!(xff("10.0.0.1", &[&line]), client.clone());
            let line = format!("{garbage}, for={client}{}", ", for=10.1.1.1".repeat(proxies));
            prop_assert_eq!(forwarded("10.0.0.1", &[&line]), client);
        }

        #[test]
        fn a_64_is_one_bucket(network in any::<u64>(), a in any::<u64>(), b in any::<u64>()) {
            let address = |host: u64| {
                let bits = (u128::from(network) << 64) | u128::from(host);
                ClientAddress::new(IpAddr::V6(Ipv6Addr::from_bits(bits)))
            };
            prop_assume!(network != 0);
            prop_assert_eq!(address(a).bucket(), address(b).bucket());
        }

        #[test]
        fn no_bytes_make_it_panic(line in proptest::collection::vec(any::<u8>(), 0..600)) {
            let lines: [&[u8]; 1] = [&line];
            for header in [ForwardHeader::XForwardedFor, ForwardHeader::Forwarded] {
                proxies(header).resolve("10.0.0.1".parse().unwrap(), &lines);
                proxies(header).forwarded_https("10.0.0.1".parse().unwrap(), &lines, &lines);
            }
        }
    }
}
