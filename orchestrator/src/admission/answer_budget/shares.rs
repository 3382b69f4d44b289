//! Shares of the budget: a visitor's and those of its larger networks. An IPv4 address is in a /24; an IPv6 /64 is in a /56
//! and a /48 (contract, section 9).

use std::net::IpAddr;

use crate::admission::networks::{self, Prefix};

/// A network that has a share of the budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Network {
    share: Share,
    /// `None` if the address is unknown; all such requests share one visitor's share.
    address: Option<IpAddr>,
}

/// How large a network is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Share {
    /// An IPv4 address or a /64.
    Visitor,
    /// A /56.
    Household,
    /// A /24 or a /48.
    Neighbours,
    /// All visitors together.
    Everybody,
}

/// The networks of a visitor, smallest first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Networks([Option<Network>; 3]);

impl Networks {
    pub(super) fn of(address: Option<IpAddr>) -> Self {
        let mut shares =
            [Some(Network { share: Share::Visitor, address: networks::visitor(address) }), None, None];
        for (slot, (prefix, network)) in shares.iter_mut().skip(1).zip(networks::neighbours(address)) {
            let share = match prefix {
                Prefix::V6Of56 => Share::Household,
                Prefix::V4Of24 | Prefix::V6Of48 => Share::Neighbours,
            };
            *slot = Some(Network { share, address: Some(network) });
        }
        Self(shares)
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
    /// The name in the log and in the metric.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Share::Visitor => "visitor",
            Share::Household => "home",
            Share::Neighbours => "neighbours",
            Share::Everybody => "everybody",
        }
    }
}
