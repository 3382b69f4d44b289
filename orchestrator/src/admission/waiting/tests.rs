use super::*;

fn places(limit: usize) -> Arc<WaitingPlaces> {
    WaitingPlaces::new(limit, &Metrics::default())
}

fn session(n: u8) -> SessionId {
    SessionId::from_random([n; 16])
}

fn take(places: &Arc<WaitingPlaces>, n: u8, address: &str) -> Option<Place> {
    places.take(session(n), Some(address.parse().unwrap()), Some(DeploymentKey::from_bits(u128::from(n % 2))))
}

#[tokio::test]
async fn a_third_request_of_a_session_evicts_the_first() {
    let places = places(32);
    let held: Vec<_> = (0..3).map(|_| take(&places, 1, "203.0.113.9").unwrap()).collect();
    held[0].evicted().await;
    assert_eq!(places.lock().total, 2);
    let is_pending = tokio::time::timeout(std::time::Duration::ZERO, held[1].evicted()).await.is_err();
    assert!(is_pending);
    drop(held);
    let left = places.lock();
    assert!(left.total == 0 && left.by_owner.is_empty() && left.sessions.is_empty(), "{left:?}");
}

#[test]
fn shares_hold_once_half_of_the_places_are_taken() {
    let places = places(32);
    // Half and one: no share applies before.
    let mut held: Vec<_> = (0..17).map(|n| take(&places, n, "203.0.113.9").unwrap()).collect();
    assert!(take(&places, 20, "203.0.113.9").is_none(), "the visitor has its sixteenth");
    assert!(take(&places, 20, "203.0.113.10").is_none(), "the /24 has its half");
    // A /64 has 2, a /56 has 4, a /48 has 16.
    for n in 0..4 {
        held.push(take(&places, 30 + n, &format!("2001:db8:0:{}::1", n / 2)).unwrap());
    }
    assert!(take(&places, 40, "2001:db8:0:1::2").is_none(), "the visitor");
    assert!(take(&places, 40, "2001:db8:0:2::2").is_none(), "the /56");
    held.push(take(&places, 41, "2001:db8:0:100::2").unwrap());
    for n in 0..10 {
        let place = take(&places, 50 + n, &format!("198.51.{n}.1"));
        held.extend(place);
    }
    assert_eq!(places.lock().total, 32);
    assert!(take(&places, 99, "192.0.2.1").is_none());
    held.clear();
    assert_eq!(places.lock().total, 0);
    assert!(take(&places, 20, "203.0.113.9").is_some());
}

#[test]
fn a_deployment_has_half_of_the_places_if_there_are_several() {
    let places = places(32);
    let one = |n: u8| {
        let client = format!("198.51.{n}.1").parse().ok();
        places.take(session(n), client, Some(DeploymentKey::from_bits(1)))
    };
    let held: Vec<_> = (0..17).map(|n| one(n).unwrap()).collect();
    assert!(one(20).is_none());
    let only = places.take(session(21), "198.51.21.1".parse().ok(), None);
    assert!(only.is_some());
    drop(held);
}

#[tokio::test]
async fn a_request_that_is_refused_replaces_none() {
    let places = places(32);
    let held = [take(&places, 0, "198.51.100.1").unwrap(), take(&places, 0, "198.51.100.1").unwrap()];
    let _others: Vec<_> = (1..16).map(|n| take(&places, n, "203.0.113.9").unwrap()).collect();
    let _neighbour = take(&places, 16, "203.0.113.8").unwrap();
    // 18 are taken, and the address has 15 of its 2.
    assert!(take(&places, 0, "203.0.113.9").is_none());
    let is_pending = tokio::time::timeout(std::time::Duration::ZERO, held[0].evicted()).await.is_err();
    assert!(is_pending, "replaced");
    assert_eq!(
        (places.lock().total, places.refused.get_or_create(&Labels { share: "visitor" }).get()),
        (18, 1)
    );
    // In its own network, and where all places are taken, the replaced place counts as free.
    let elsewhere = |n: u8| places.take(session(n), format!("192.0.{n}.1").parse().ok(), None);
    let _rest: Vec<_> = (20..34).map(|n| elsewhere(n).unwrap()).collect();
    assert!(elsewhere(99).is_none());
    let _replacing = take(&places, 0, "198.51.100.1").unwrap();
    held[0].evicted().await;
}
