//! Rate limits of visitors and deployments, and budgets of stored bytes (contract, section 9).
//!
//! A visitor is an IPv4 address or an IPv6 /64 at a deployment. Its own limits are tight. A deployment's limits are wide;
//! their last quarter is reserved for networks (/24, /56, /48) that used little recently, so that one household, company or
//! rented range that exhausts the rest does not lock out others. A request that a visitor's limit rejects is not charged to
//! the deployment.
//!
//! Limits are per replica: two replicas behind one gateway each grant them.

mod audit;
mod bucket;
mod charge;
pub(crate) mod enforce;
mod limiter;
mod policy;
mod window;

pub use self::{
    charge::{Action, Charge},
    limiter::RateLimiter,
    policy::{Limited, Policy},
};
