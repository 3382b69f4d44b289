//! A visitor's network, and the larger networks around it: a household's, a company's, or a rented range.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use service_runtime::server::subscriber_network;

/// The size of a network that is larger than a visitor's. A household gets a /56, a company a /48 (RIPE-690); a mobile
/// carrier's /48 holds thousands of unrelated subscribers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Prefix {
    /// 256 IPv4 addresses.
    V4Of24,
    /// 256 IPv6 visitors.
    V6Of56,
    /// 65,536 IPv6 visitors.
    V6Of48,
}

/// A visitor's network: the IPv4 address, or the /64 of the IPv6 address, which belongs to one subscriber. Requests of
/// unknown address count as one visitor.
pub(crate) fn visitor(address: Option<IpAddr>) -> Option<IpAddr> {
    address.map(subscriber_network)
}

/// The larger networks around a visitor, smallest first.
pub(crate) fn neighbours(address: Option<IpAddr>) -> impl Iterator<Item = (Prefix, IpAddr)> {
    let networks = match address.map(|address| address.to_canonical()) {
        None => [None, None],
        Some(IpAddr::V4(address)) => {
            let network = Ipv4Addr::from_bits(address.to_bits() & (u32::MAX << 8));
            [Some((Prefix::V4Of24, network.into())), None]
        }
        Some(IpAddr::V6(address)) => {
            [Some((Prefix::V6Of56, v6(address, 56))), Some((Prefix::V6Of48, v6(address, 48)))]
        }
    };
    networks.into_iter().flatten()
}

fn v6(address: Ipv6Addr, prefix: u32) -> IpAddr {
    Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << (u128::BITS - prefix))).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_visitor_is_an_ipv4_address_or_an_ipv6_64() {
        for (address, expected) in [
            ("203.0.113.9", "203.0.113.9"),
            ("::ffff:203.0.113.9", "203.0.113.9"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
            ("2001:db8:1:2::", "2001:db8:1:2::"),
        ] {
            assert_eq!(visitor(Some(address.parse().unwrap())), Some(expected.parse().unwrap()), "{address}");
        }
        assert_eq!(visitor(None), None);
    }

    #[test]
    fn neighbours_are_a_24_or_a_56_and_a_48() {
        let of = |address: &str| -> Vec<_> {
            let networks = neighbours(Some(address.parse().unwrap()));
            networks.map(|(prefix, network)| (prefix, network.to_string())).collect()
        };
        assert_eq!(of("203.0.113.9"), [(Prefix::V4Of24, "203.0.113.0".to_owned())]);
        assert_eq!(of("::ffff:203.0.113.9"), [(Prefix::V4Of24, "203.0.113.0".to_owned())]);
        let expected =
            [(Prefix::V6Of56, "2001:db8:1:ff00::".to_owned()), (Prefix::V6Of48, "2001:db8:1::".to_owned())];
        assert_eq!(of("2001:db8:1:ffff:3:4:5:6"), expected);
        assert_eq!(neighbours(None).count(), 0);
    }
}
