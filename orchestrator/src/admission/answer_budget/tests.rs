//! Reservations are charged to the right shares and released.

use service_runtime::{Metrics, Reservation as _};

use super::*;

const MIB: usize = 1024 * 1024;

fn budget(total: usize) -> Arc<AnswerBudget> {
    AnswerBudget::new(total, &Metrics::default())
}

fn reserve(budget: &Arc<AnswerBudget>, address: &str, bytes: usize) -> Result<Reservation, Share> {
    let owners = Owners::of_client(Some(address.parse().unwrap()));
    budget.reserve(owners, bytes).map_err(|exhausted| exhausted.share)
}

/// Reserves for the addresses until a share is exhausted. Returns the bytes held, the reservations, and the last share.
fn fill(
    budget: &Arc<AnswerBudget>,
    addresses: impl Iterator<Item = String>,
) -> (usize, Vec<Reservation>, Share) {
    let (mut held, mut last) = (Vec::new(), Share::Visitor);
    for address in addresses {
        loop {
            match reserve(budget, &address, 64 * 1024) {
                Ok(reservation) => held.push(reservation),
                Err(share) => {
                    last = share;
                    break;
                }
            }
        }
    }
    (held.len() * 64 * 1024, held, last)
}

#[test]
fn each_network_has_its_share() {
    let one = || ["203.0.113.9".to_owned()].into_iter();
    for (total, addresses, bytes, share) in [
        (32 * MIB, Box::new(one()) as Box<dyn Iterator<Item = String>>, 256 * 1024, Share::Visitor),
        (2 * MIB, Box::new(one()), 128 * 1024, Share::Visitor),
        (32 * MIB, Box::new((0..256).map(|n| format!("203.0.113.{n}"))), 8 * MIB, Share::Neighbours),
        (32 * MIB, Box::new((0..256).map(|n| format!("2001:db8::{n:x}"))), 256 * 1024, Share::Visitor),
        (32 * MIB, Box::new((0..256).map(|n| format!("2001:db8:0:{n:x}::1"))), 4 * MIB, Share::Household),
        (32 * MIB, Box::new((0..256).map(|n| format!("2001:db8:0:{n:x}00::1"))), 8 * MIB, Share::Neighbours),
        (32 * MIB, Box::new((0..256).map(|n| format!("203.0.{n}.1"))), 32 * MIB, Share::Everybody),
    ] {
        let budget = budget(total);
        let (held, reservations, last) = fill(&budget, addresses);
        assert_eq!((held, last), (bytes, share));
        let stranger = reserve(&budget, "198.51.100.1", 64 * 1024).map(drop);
        assert_eq!(stranger.is_ok(), share != Share::Everybody);
        drop(reservations);
        assert_eq!(budget.lock().total, 0);
        assert!(budget.lock().by_owner.is_empty());
    }
}

#[test]
fn a_reservation_shrinks_to_the_response() {
    let budget = budget(32 * MIB);
    let mut first = reserve(&budget, "203.0.113.9", 256 * 1024).unwrap();
    assert_eq!(reserve(&budget, "203.0.113.9", 1).err(), Some(Share::Visitor));
    first.resize(100);
    assert_eq!(budget.lock().total, 100);
    let second = reserve(&budget, "::ffff:203.0.113.9", 256 * 1024 - 100).unwrap();
    assert_eq!(reserve(&budget, "203.0.113.9", 1).err(), Some(Share::Visitor));
    drop((first, second));
    assert_eq!(budget.lock().total, 0);
}

#[test]
fn requests_of_unknown_addresses_share_one_share() {
    let budget = budget(32 * MIB);
    let _held = budget.reserve(Owners::of_client(None), 256 * 1024).unwrap();
    assert_eq!(budget.reserve(Owners::of_client(None), 1).unwrap_err().share, Share::Visitor);
}

#[test]
fn an_api_key_has_a_share_at_every_address() {
    let [one, two] = [1, 2].map(ApiKeySid::from_bits);
    for (total, share) in [(32 * MIB, MIB), (2 * MIB, MIB / 2)] {
        let budget = budget(total);
        let held = budget.reserve(Owners::of_api_key(one), share).unwrap();
        let exhausted = budget.reserve(Owners::of_api_key(one), 1).unwrap_err();
        assert_eq!(exhausted, Exhausted { share: Share::ApiKey, limit: share });
        assert!(!exhausted.is_everybodys());
        drop(budget.reserve(Owners::of_api_key(two), share).unwrap());
        drop(reserve(&budget, "203.0.113.9", 64 * 1024).unwrap());
        drop(held);
        assert_eq!(budget.lock().total, 0);
        assert!(budget.lock().by_owner.is_empty());
    }
}

#[test]
fn api_keys_share_the_whole_with_visitors() {
    let budget = budget(4 * MIB);
    let keys = (0..4).map(|key| budget.reserve(Owners::of_api_key(ApiKeySid::from_bits(key)), MIB).unwrap());
    let _held: Vec<_> = keys.collect();
    assert_eq!(reserve(&budget, "203.0.113.9", 1).err(), Some(Share::Everybody));
    let next = budget.reserve(Owners::of_api_key(ApiKeySid::from_bits(4)), 1);
    assert_eq!(next.unwrap_err().share, Share::Everybody);
}

#[test]
fn a_request_over_its_api_keys_share_is_rejected() {
    let (budget, headers) = (budget(32 * MIB), Default::default());
    let (clock, random) = (service_runtime::Clock::system(), service_runtime::random::Random::default());
    let mut context = RequestContext::new(&headers, None, &clock, &random);
    let key = ApiKeySid::from_bits(1);
    assert_eq!(reserve_api_key(&budget, &mut context, key, MIB), Ok(()));
    let exhausted = reserve_api_key(&budget, &mut context, key, 1).unwrap_err();
    assert_eq!(
        exhausted.to_string(),
        "over the budget of 1048576 bytes of responses in flight, share `api_key`"
    );
    drop(context);
    assert_eq!(budget.lock().total, 0, "the response's reservation ended with the request");
}
