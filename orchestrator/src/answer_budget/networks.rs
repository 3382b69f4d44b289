//! A visitor and its neighbours: an IPv4 address in its /24; an IPv6 /64 in its /56 and its /48 (contract, section 9).

use std::net::{IpAddr, Ipv6Addr};

/// A network that has a share of the budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Network {
    share: Share,
    /// `None`: the address is not known; all such calls are one visitor's.
    address: Option<IpAddr>,
}

/// How large a network is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Share {
    /// An IPv4 address or a /64.
    Visitor,
    /// A /56.
    Home,
    /// A /24 or a /48.
    Neighbours,
    /// All visitors together.
    Everybody,
}

/// The networks that a visitor is in, the smallest first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Networks([Option<Network>; 3]);

impl Networks {
    pub(super) fn of(address: Option<IpAddr>) -> Self {
        let network = |share, address| Some(Network { share, address });
        let Some(address) = address else { return Self([network(Share::Visitor, None), None, None]) };
        match address.to_canonical() {
            IpAddr::V4(address) => {
                let [a, b, c, _] = address.octets();
                let neighbours = IpAddr::from([a, b, c, 0]);
                Self([
                    network(Share::Visitor, Some(address.into())),
                    network(Share::Neighbours, Some(neighbours)),
                    None,
                ])
            }
            IpAddr::V6(address) => {
                let first = |bits: u32| {
                    Some(IpAddr::from(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << (128 - bits)))))
                };
                Self([
                    network(Share::Visitor, first(64)),
                    network(Share::Home, first(56)),
                    network(Share::Neighbours, first(48)),
                ])
            }
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Network> {
        self.0.iter().flatten()
    }
}

impl Network {
    pub(super) fn share(&self) -> Share {
        self.share
    }
}

impl Share {
    /// The name in the log and in the counter.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Share::Visitor => "visitor",
            Share::Home => "home",
            Share::Neighbours => "neighbours",
            Share::Everybody => "everybody",
        }
    }
}
