//! Determines the client's address from `X-Forwarded-For`, as far as trusted proxies report it. The other headers of those
//! proxies (`X-Forwarded-Proto`, `X-Forwarded-Host`) are read with the same number of hops.

use std::{
    net::{IpAddr, Ipv6Addr},
    str::FromStr,
    sync::Arc,
};

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::Deserialize;
use service_runtime::{RequestContext, settings::Expected};

use crate::once_per_minute::OncePerMinute;

/// The proxies whose `X-Forwarded-…` headers are trusted. Cheap to clone; clones share the limit of warnings.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String", inline, extend("expected" = Self::EXPECTED))]
pub struct TrustedProxies {
    networks: Arc<[IpNet]>,
    warned: Arc<OncePerMinute>,
}

/// The hops of a request as far as they are trusted: this service's connection, then `X-Forwarded-For` from right to left.
#[derive(Clone, Copy, Debug)]
pub struct Hops {
    /// The first hop that is not a trusted proxy; the last trusted proxy if there is no other.
    pub client: Option<IpAddr>,
    /// Number of trusted proxies in front of it.
    pub trusted_hops: usize,
}

impl TrustedProxies {
    const EXPECTED: &str = "addresses or networks such as 10.0.0.0/8, comma separated";

    /// The browser's address: the rightmost hop that is not a trusted proxy. Earlier elements of the header may be written
    /// by the browser and are ignored.
    ///
    /// A malformed element ends the chain at the proxy that sent it, so all visitors of that proxy share one visitor's
    /// limits; this is logged at most once a minute.
    pub fn client_address(&self, context: &RequestContext<'_>) -> Option<IpAddr> {
        self.hops(context).client
    }

    /// The client's address and the number of trusted hops, counted from this service; 0 if the connection is not from a
    /// trusted proxy.
    pub fn hops(&self, context: &RequestContext<'_>) -> Hops {
        let peer = context.peer.map(|peer| peer.to_canonical());
        let mut hops = Hops { client: peer, trusted_hops: 0 };
        if self.networks.is_empty() || !peer.is_some_and(|peer| self.trusts(peer)) {
            return hops;
        }
        hops.trusted_hops = 1;
        for element in elements_from_right(context, "x-forwarded-for") {
            let Some(address) = parse_hop(element) else {
                self.warn(context, hops.client, element);
                break;
            };
            hops.client = Some(address);
            if !self.trusts(address) {
                break;
            }
            hops.trusted_hops += 1;
        }
        hops
    }

    /// Whether this is the address of a trusted proxy.
    pub fn trusts(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(&address))
    }

    fn warn(&self, context: &RequestContext<'_>, proxy: Option<IpAddr>, element: &[u8]) {
        if self.warned.is_due(context.now) {
            tracing::warn!(
                proxy = proxy.map(tracing::field::display),
                shape = shape(element),
                "malformed X-Forwarded-For from a trusted proxy: its visitors share one visitor's limits"
            );
        }
    }
}

impl FromStr for TrustedProxies {
    type Err = ipnet::AddrParseError;

    fn from_str(list: &str) -> Result<Self, Self::Err> {
        let entries = list.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        let networks =
            entries.map(|entry| entry.parse::<IpAddr>().map(IpNet::from).or_else(|_| entry.parse()));
        let networks = networks.collect::<Result<Vec<_>, _>>()?;
        Ok(Self { networks: networks.into(), warned: Arc::default() })
    }
}

impl TryFrom<String> for TrustedProxies {
    type Error = Expected;

    fn try_from(list: String) -> Result<Self, Expected> {
        list.parse().map_err(|_| Self::EXPECTED.into())
    }
}

/// The elements of a list header from right to left: from the nearest hop to the farthest. Empty elements are skipped
/// (RFC 9110, section 5.6.1).
pub(crate) fn elements_from_right<'a>(
    context: &RequestContext<'a>,
    name: &'a str,
) -> impl Iterator<Item = &'a [u8]> {
    let values: Vec<_> = context.header_values(name).collect();
    let elements = values.into_iter().rev().flat_map(|value| value.rsplit(|byte| *byte == b','));
    elements.map(<[u8]>::trim_ascii).filter(|element| !element.is_empty() && *element != b"\"\"")
}

/// An address as proxies write it: `ip`, `ip:port`, `[ip6]`, `[ip6]:port`, each with a zone (`%eth0`) or in quotes.
fn parse_hop(element: &[u8]) -> Option<IpAddr> {
    let text = str::from_utf8(element).ok()?;
    let text = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text).trim();
    if let Some(bracketed) = text.strip_prefix('[') {
        let (address, rest) = bracketed.split_once(']')?;
        let is_whole = rest.is_empty() || rest.strip_prefix(':').is_some_and(is_port);
        let address: Ipv6Addr = without_zone(address)?.parse().ok()?;
        return is_whole.then(|| IpAddr::V6(address).to_canonical());
    }
    let address = match text.split_once(':') {
        Some((address, port)) if !port.contains(':') => Some(address).filter(|_| is_port(port))?,
        Some(_) | None => text,
    };
    Some(without_zone(address)?.parse::<IpAddr>().ok()?.to_canonical())
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok()
}

/// Strips the zone (RFC 4007, section 11), which must not be empty.
fn without_zone(address: &str) -> Option<&str> {
    match address.split_once('%') {
        Some((address, zone)) => (!zone.is_empty()).then_some(address),
        None => Some(address),
    }
}

/// The shape of an element, with letters and digits masked, because addresses of guests must not be logged.
fn shape(element: &[u8]) -> String {
    const LONGEST: usize = 64;
    let mask = |byte: &u8| match byte {
        b'0'..=b'9' => '9',
        byte if byte.is_ascii_alphabetic() => 'a',
        byte if byte.is_ascii_graphic() || *byte == b' ' => char::from(*byte),
        _ => '?',
    };
    element.iter().take(LONGEST).map(mask).collect()
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
    use service_runtime::{Clock, random::Random};

    use super::*;

    fn hops(trusted: &str, peer: &str, forwarded: &[&str]) -> (String, usize) {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append(HeaderName::from_static("x-forwarded-for"), HeaderValue::from_str(value).unwrap());
        }
        let context =
            RequestContext::new(&headers, Some(peer.parse().unwrap()), &Clock::system(), &Random::default());
        let proxies: TrustedProxies = trusted.parse().unwrap();
        let hops = proxies.hops(&context);
        (hops.client.unwrap().to_string(), hops.trusted_hops)
    }

    fn client(trusted: &str, peer: &str, forwarded: &[&str]) -> String {
        hops(trusted, peer, forwarded).0
    }

    #[test]
    fn an_untrusted_peer_is_ignored() {
        assert_eq!(hops("", "203.0.113.9", &["198.51.100.1"]), ("203.0.113.9".into(), 0));
        assert_eq!(hops("10.0.0.0/8", "203.0.113.9", &["198.51.100.1"]), ("203.0.113.9".into(), 0));
    }

    #[test]
    fn the_rightmost_untrusted_address_is_the_client() {
        let trusted = "10.0.0.0/8";
        assert_eq!(hops(trusted, "10.0.0.1", &["198.51.100.1"]), ("198.51.100.1".into(), 1));
        let two_hops = ("198.51.100.1".into(), 2);
        assert_eq!(hops(trusted, "10.0.0.1", &["6.6.6.6, 198.51.100.1, 10.0.0.2"]), two_hops);
        assert_eq!(client(trusted, "10.0.0.1", &["6.6.6.6", "198.51.100.1"]), "198.51.100.1");
        assert_eq!(client(trusted, "::ffff:10.0.0.1", &["2001:db8::1"]), "2001:db8::1");
    }

    #[test]
    fn all_forms_of_proxies_are_parsed() {
        for (forwarded, expected) in [
            ("198.51.7.7", "198.51.7.7"),
            ("198.51.7.7:51234", "198.51.7.7"),
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[2001:db8::1]:443", "2001:db8::1"),
            ("\"198.51.7.7\"", "198.51.7.7"),
            ("\"198.51.7.7:51234\"", "198.51.7.7"),
            ("\"[2001:db8::1]:443\"", "2001:db8::1"),
            ("fe80::1%eth0", "fe80::1"),
            ("[fe80::1%25eth0]:443", "fe80::1"),
            ("::ffff:198.51.7.7", "198.51.7.7"),
            ("[::ffff:198.51.7.7]:443", "198.51.7.7"),
            ("198.51.7.7,", "198.51.7.7"),
            ("198.51.7.7, , ,", "198.51.7.7"),
            ("198.51.7.7, \"\"", "198.51.7.7"),
            ("\t198.51.7.7 \t, 10.0.0.2:80", "198.51.7.7"),
        ] {
            assert_eq!(client("10.0.0.0/8", "10.0.0.1", &[forwarded]), expected, "{forwarded}");
        }
        assert_eq!(client("10.0.0.0/8", "10.0.0.1", &["198.51.7.7", ""]), "198.51.7.7");
    }

    #[test]
    fn a_malformed_element_ends_the_chain() {
        for malformed in [
            "nonsense",
            "unknown",
            "198.51.7.7:",
            "198.51.7.7:65536",
            "198.51.7.7:+1",
            "198.51.7.7:http",
            "198.51.7.7%",
            "198.51.7",
            "[198.51.7.7]",
            "[2001:db8::1",
            "[2001:db8::1]443",
            "2001:db8::1]:443",
            "\"198.51.7.7",
            "198.51.7.7 10.0.0.2",
        ] {
            let forwarded = format!("6.6.6.6, {malformed}, 10.0.0.2");
            assert_eq!(hops("10.0.0.0/8", "10.0.0.1", &[&forwarded]), ("10.0.0.2".into(), 2), "{malformed}");
        }
        assert_eq!(client("10.0.0.0/8", "10.0.0.1", &[]), "10.0.0.1");
    }

    #[test]
    fn the_shape_of_an_element_holds_no_address() {
        assert_eq!(shape(b"198.51.7.7;proto=http"), "999.99.9.9;aaaaa=aaaa");
        assert_eq!(shape(b"a\xff\x1b[0m"), "a??[9a");
        assert_eq!(shape(&[b'a'; 1000]).len(), 64);
    }

    #[test]
    fn a_malformed_list_of_proxies_is_rejected() {
        assert!("10.0.0.0/8, proxy".parse::<TrustedProxies>().is_err());
        assert!("10.0.0.0/33".parse::<TrustedProxies>().is_err());
    }
}
