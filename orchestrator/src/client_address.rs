//! Which network a request comes from, past the proxies that are trusted to say so.

use std::{net::IpAddr, str::FromStr, sync::Arc};

use ipnet::IpNet;
use service_runtime::Call;

/// The addresses whose `X-Forwarded-For` is believed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies(Arc<[IpNet]>);

impl TrustedProxies {
    /// The browser's address: the last one in the chain of `X-Forwarded-For` and the connection itself that is not a
    /// trusted proxy's. What stands before it in the header, the browser may have written itself.
    pub fn client_address(&self, call: &Call<'_>) -> Option<IpAddr> {
        let mut client = call.peer?.to_canonical();
        if self.0.is_empty() || !self.trusts(client) {
            return Some(client);
        }
        let values: Vec<_> = call.header_values("x-forwarded-for").collect();
        for hop in values.iter().rev().flat_map(|value| value.rsplit(|b| *b == b',')) {
            let Some(address) =
                std::str::from_utf8(hop).ok().and_then(|hop| hop.trim().parse::<IpAddr>().ok())
            else {
                break;
            };
            client = address.to_canonical();
            if !self.trusts(client) {
                break;
            }
        }
        Some(client)
    }

    /// Whether the connection that a call came over is a trusted proxy's.
    pub fn trusts_peer(&self, call: &Call<'_>) -> bool {
        call.peer.is_some_and(|peer| self.trusts(peer.to_canonical()))
    }

    /// Whether this address is a trusted proxy's.
    pub fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }
}

impl FromStr for TrustedProxies {
    type Err = ipnet::AddrParseError;

    fn from_str(list: &str) -> Result<Self, Self::Err> {
        let entries = list.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        let networks =
            entries.map(|entry| entry.parse::<IpAddr>().map(IpNet::from).or_else(|_| entry.parse()));
        networks.collect::<Result<Vec<_>, _>>().map(|networks| Self(networks.into()))
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
    use service_runtime::{Clock, random::Random};

    use super::*;

    fn seen(trusted: &str, peer: &str, forwarded: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append(HeaderName::from_static("x-forwarded-for"), HeaderValue::from_str(value).unwrap());
        }
        let call = Call::new(&headers, Some(peer.parse().unwrap()), &Clock::system(), &Random::default());
        let proxies: TrustedProxies = trusted.parse().unwrap();
        proxies.client_address(&call).unwrap().to_string()
    }

    #[test]
    fn a_stranger_is_not_believed() {
        assert_eq!(seen("", "203.0.113.9", &["198.51.100.1"]), "203.0.113.9");
        assert_eq!(seen("10.0.0.0/8", "203.0.113.9", &["198.51.100.1"]), "203.0.113.9");
    }

    #[test]
    fn the_last_address_that_is_no_proxy_counts() {
        assert_eq!(seen("10.0.0.0/8", "10.0.0.1", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(seen("10.0.0.0/8", "10.0.0.1", &["6.6.6.6, 198.51.100.1, 10.0.0.2"]), "198.51.100.1");
        assert_eq!(seen("10.0.0.0/8", "10.0.0.1", &["6.6.6.6", "198.51.100.1"]), "198.51.100.1");
        assert_eq!(seen("10.0.0.0/8", "::ffff:10.0.0.1", &["2001:db8::1"]), "2001:db8::1");
    }

    #[test]
    fn what_is_no_address_ends_the_chain() {
        assert_eq!(seen("10.0.0.0/8", "10.0.0.1", &["6.6.6.6, nonsense, 10.0.0.2"]), "10.0.0.2");
        assert_eq!(seen("10.0.0.0/8", "10.0.0.1", &[]), "10.0.0.1");
    }

    #[test]
    fn a_list_of_nonsense_is_refused() {
        assert!("10.0.0.0/8, proxy".parse::<TrustedProxies>().is_err());
        assert!("10.0.0.0/33".parse::<TrustedProxies>().is_err());
    }
}
