//! Counts the refused identity requests of each visitor, so that identities cannot be tried in bulk.

use std::net::IpAddr;

use chrono::{DateTime, TimeDelta, Utc};

use crate::{admission::networks, expiring_map::ExpiringMap};

/// The times of the last [`MAX`](Self::MAX) refused requests of each visitor, in bounded memory.
#[derive(Debug)]
pub struct IdentityRefusals(ExpiringMap<[u32; IdentityRefusals::MAX]>);

impl IdentityRefusals {
    /// After this number of refused requests within [`WITHIN`](Self::WITHIN), a visitor's requests are not considered.
    pub const MAX: usize = 5;

    /// The window in which refusals count.
    pub const WITHIN: TimeDelta = TimeDelta::hours(1);

    /// Capacity for the visitors of an hour; as many of the hour before are kept too: 8 MB at most. Beyond that, the
    /// visitors idle longest are evicted early.
    const VISITORS: usize = 65_536;

    /// No refusals.
    pub fn new() -> Self {
        Self(ExpiringMap::new(Self::WITHIN, Self::VISITORS))
    }

    /// Records a refusal.
    pub fn add(&self, client: Option<IpAddr>, now: DateTime<Utc>) {
        let hash = self.0.hash(networks::visitor(client));
        let mut shard = self.0.shard(hash, now);
        let mut times = shard.find(hash).unwrap_or_default();
        times.rotate_left(1);
        if let Some(last) = times.last_mut() {
            *last = seconds(now);
        }
        shard.insert_or_evict(hash, times);
    }

    /// Whether the visitor reached the maximum.
    pub fn are_too_many(&self, client: Option<IpAddr>, now: DateTime<Utc>) -> bool {
        let hash = self.0.hash(networks::visitor(client));
        let times = self.0.shard(hash, now).find(hash).unwrap_or_default();
        let since = seconds(now - Self::WITHIN);
        // 0 marks an unused slot.
        times.iter().all(|time| *time > since)
    }
}

impl Default for IdentityRefusals {
    fn default() -> Self {
        Self::new()
    }
}

/// Seconds since 1970; saturates in 2106.
fn seconds(time: DateTime<Utc>) -> u32 {
    u32::try_from(time.timestamp().max(0)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    #[test]
    fn the_sixth_request_within_an_hour_is_not_considered() {
        let refusals = IdentityRefusals::new();
        let [here, there] = ["203.0.113.9", "203.0.113.10"].map(|address| Some(address.parse().unwrap()));
        for n in 0..5 {
            assert!(!refusals.are_too_many(here, at(n * 600)), "{n}");
            refusals.add(here, at(n * 600));
        }
        assert!(refusals.are_too_many(here, at(2400)));
        assert!(refusals.are_too_many(here, at(3599)));
        assert!(!refusals.are_too_many(there, at(2400)));
        // The first refusal is an hour old.
        assert!(!refusals.are_too_many(here, at(3600)));
        refusals.add(here, at(3600));
        assert!(refusals.are_too_many(here, at(3600)));
        assert!(!refusals.are_too_many(here, at(4200)));
    }
}
