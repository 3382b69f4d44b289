//! Shares of the budget: a visitor's and those of its larger networks, and an API key's. An IPv4 address is in a /24; an IPv6
//! /64 is in a /56 and a /48 (contract, section 9).

use std::net::IpAddr;

use shared_types::ApiKeySid;

use crate::admission::networks::{self, Prefix};

/// An owner of a share of the budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Owner {
    /// A visitor's network, or a larger one. The address is `None` if it is unknown; all such requests share one visitor's
    /// share.
    Network(Share, Option<IpAddr>),
    /// An API key, whatever addresses it is used from.
    ApiKey(ApiKeySid),
}

/// The kinds of shares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Share {
    /// An IPv4 address or a /64.
    Visitor,
    /// A /56.
    Household,
    /// A /24 or a /48.
    Neighbours,
    /// An API key.
    ApiKey,
    /// All visitors and API keys together.
    Everybody,
}

/// The owners that a response is charged to, smallest share first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Owners([Option<Owner>; 3]);

impl Owners {
    /// The networks of a visitor.
    pub(super) fn of_client(address: Option<IpAddr>) -> Self {
        let mut owners = [Some(Owner::Network(Share::Visitor, networks::visitor(address))), None, None];
        for (slot, (prefix, network)) in owners.iter_mut().skip(1).zip(networks::neighbours(address)) {
            let share = match prefix {
                Prefix::V6Of56 => Share::Household,
                Prefix::V4Of24 | Prefix::V6Of48 => Share::Neighbours,
            };
            *slot = Some(Owner::Network(share, Some(network)));
        }
        Self(owners)
    }

    /// The API key only.
    pub(super) fn of_api_key(sid: ApiKeySid) -> Self {
        Self([Some(Owner::ApiKey(sid)), None, None])
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Owner> {
        self.0.iter().flatten()
    }
}

impl Owner {
    pub(super) fn share(&self) -> Share {
        match self {
            Owner::Network(share, _) => *share,
            Owner::ApiKey(_) => Share::ApiKey,
        }
    }
}

impl Share {
    /// The name in the log and in the metric.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Share::Visitor => "visitor",
            Share::Household => "home",
            Share::Neighbours => "neighbours",
            Share::ApiKey => "api_key",
            Share::Everybody => "everybody",
        }
    }
}
