//! Addresses, origins, proxies, transport security.

mod table;

use std::net::{Ipv4Addr, SocketAddr};

use hardening::client_address::{ForwardHeader, TrustedProxies};
use ipnet::IpNet;

use super::deployment::Deployment;
use super::origin::Origin;
use super::reader::Reader;
pub(super) use table::VARIABLES;
use table::{
    BIND_ADDRESS, CORS_ALLOWED_ORIGINS, HTTPS_ONLY, METRICS_ADDRESS, PUBLIC_URL, SECURE_COOKIES,
    TRUSTED_PROXIES, TRUSTED_PROXY_HEADER,
};

/// Addresses, origins, proxies, transport security.
#[derive(Clone, Debug)]
pub struct Network {
    /// `BIND_ADDRESS`.
    pub bind_address: SocketAddr,
    /// `PUBLIC_URL`.
    pub public_url: Origin,
    /// Whether `public_url` was made from `bind_address`; a listener on port 0 must then make it anew with
    /// [`Origin::of_listener`].
    pub public_url_is_derived: bool,
    /// `TRUSTED_PROXIES` and `TRUSTED_PROXY_HEADER`.
    pub trusted_proxies: TrustedProxies,
    /// `HTTPS_ONLY`.
    pub https_only: bool,
    /// `SECURE_COOKIES`.
    pub secure_cookies: bool,
    /// `CORS_ALLOWED_ORIGINS`.
    pub cors_allowed_origins: Vec<Origin>,
    /// `METRICS_ADDRESS`.
    pub metrics_address: Option<SocketAddr>,
}

pub(super) fn read(reader: &mut Reader<'_>, deployment: &Deployment) -> Network {
    let bind_address = reader
        .parsed(&BIND_ADDRESS, parse_address)
        .unwrap_or_else(|| SocketAddr::from((Ipv4Addr::LOCALHOST, 8000)));
    let configured = public_url(reader);
    let public_url_is_derived = configured.is_none();
    let public_url = configured.unwrap_or_else(|| Origin::of_listener(bind_address));
    let secure = secure_default(deployment, &public_url);
    let network = Network {
        bind_address,
        public_url_is_derived,
        trusted_proxies: trusted_proxies(reader),
        https_only: required_in_production(reader, &HTTPS_ONLY, deployment.is_production()),
        secure_cookies: required_in_production(reader, &SECURE_COOKIES, secure),
        cors_allowed_origins: reader.list(&CORS_ALLOWED_ORIGINS, Origin::parse),
        metrics_address: reader.parsed(&METRICS_ADDRESS, parse_address),
        public_url,
    };
    check_metrics_address(reader, &network);
    check_https_only(reader, &network);
    warn(reader, &network);
    network
}

fn public_url(reader: &mut Reader<'_>) -> Option<Origin> {
    let errors = reader.errors.len();
    let url = reader.parsed(&PUBLIC_URL, Origin::parse);
    if reader.in_production() && reader.errors.len() == errors {
        match &url {
            None => reader.wrong(&PUBLIC_URL, None, "production needs it: links in mails are made of it"),
            Some(url) if !url.is_https() => {
                reader.wrong(&PUBLIC_URL, Some(url.as_str()), "production is reached by https only");
            }
            Some(_) => {}
        }
    }
    url
}

fn secure_default(deployment: &Deployment, public_url: &Origin) -> bool {
    deployment.is_production() || public_url.is_https()
}

fn required_in_production(reader: &mut Reader<'_>, variable: &super::Variable, default: bool) -> bool {
    let on = reader.boolean_or(variable, default);
    if reader.in_production() && !on {
        reader.wrong(variable, Some("false"), "production cannot do without it");
    }
    on
}

fn trusted_proxies(reader: &mut Reader<'_>) -> TrustedProxies {
    let ranges = reader.list(&TRUSTED_PROXIES, parse_range);
    let header = reader.word(&TRUSTED_PROXY_HEADER);
    if ranges.is_empty() && header.is_some() {
        reader.warn("TRUSTED_PROXY_HEADER has no effect: TRUSTED_PROXIES is empty, so no header is believed");
    }
    if ranges.is_empty() && reader.in_production() {
        reader.warn(
            "TRUSTED_PROXIES is empty: behind a proxy, every request then looks like plain http (which \
             HTTPS_ONLY refuses) and all clients share one address and its limits",
        );
    }
    let header = header.and_then(|word| word.parse().ok()).unwrap_or(ForwardHeader::XForwardedFor);
    TrustedProxies { ranges, header }
}

/// `IP:PORT`, or `localhost:PORT` for the IPv4 loopback.
fn parse_address(text: &str) -> Result<SocketAddr, String> {
    let address = match text.strip_prefix("localhost:") {
        Some(port) => format!("127.0.0.1:{port}"),
        None => text.to_owned(),
    };
    address.parse().map_err(|_| "it is not an IP address with a port".to_owned())
}

fn parse_range(text: &str) -> Result<IpNet, String> {
    let range = match text.parse::<IpNet>() {
        Ok(range) => range.trunc(),
        Err(_) => text
            .parse::<std::net::IpAddr>()
            .map(IpNet::from)
            .map_err(|_| format!("{text:?} is neither an IP address nor a range such as 10.0.0.0/8"))?,
    };
    if range.prefix_len() == 0 {
        return Err(format!("{text:?} would believe everybody, and anybody could then forge an address"));
    }
    Ok(range)
}

fn check_metrics_address(reader: &mut Reader<'_>, network: &Network) {
    let clash =
        network.metrics_address.filter(|address| *address == network.bind_address && address.port() != 0);
    if let Some(address) = clash {
        let reason = "it is BIND_ADDRESS, and metrics must not be public";
        reader.wrong(&METRICS_ADDRESS, Some(&address.to_string()), reason);
    }
}

/// Otherwise every page would be redirected to itself, for ever.
fn check_https_only(reader: &mut Reader<'_>, network: &Network) {
    let is_told = reader.errors.iter().any(|error| error.subject == PUBLIC_URL.name);
    if network.https_only && !network.public_url.is_https() && !is_told {
        let reason = format!(
            "pages are then redirected to {}, which is {}: it must be set, and https",
            PUBLIC_URL.name, network.public_url
        );
        reader.wrong(&HTTPS_ONLY, Some("true"), reason);
    }
}

fn warn(reader: &mut Reader<'_>, network: &Network) {
    if !network.public_url.is_https() && network.secure_cookies {
        reader.warn(
            "SECURE_COOKIES is on but PUBLIC_URL is plain http: browsers may not keep the session cookie",
        );
    }
    if !reader.in_production() && !network.bind_address.ip().is_loopback() {
        reader.warn(format!(
            "ENVIRONMENT is development, with its conveniences on, but {} can be reached from other machines",
            network.bind_address
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        assert_eq!(parse_range("10.1.2.3/8").unwrap().to_string(), "10.0.0.0/8");
        assert_eq!(parse_range("192.0.2.7").unwrap().to_string(), "192.0.2.7/32");
        assert_eq!(parse_range("2001:db8::/32").unwrap().to_string(), "2001:db8::/32");
        for bad in ["*", "0.0.0.0/0", "::/0", "10.0.0.0/33", "proxy.example", "10.0.0"] {
            assert!(parse_range(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn addresses() {
        assert_eq!(parse_address("localhost:9").unwrap().to_string(), "127.0.0.1:9");
        assert_eq!(parse_address("[::1]:9").unwrap().to_string(), "[::1]:9");
        for bad in ["", "8000", "127.0.0.1", "127.0.0.1:x", ":8000", "example.com:80"] {
            assert!(parse_address(bad).is_err(), "{bad}");
        }
    }
}
