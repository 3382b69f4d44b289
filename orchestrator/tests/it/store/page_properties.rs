//! Properties of all pages, against a model in memory: a page is the part of the list next to its position, bounded by
//! number and by bytes, with at least one item; and following pages lose and repeat nothing, also when items are added
//! or erased meanwhile.

mod desk_conversations;
mod messages;
mod resources;

use std::{
    fmt::Debug,
    sync::atomic::{AtomicU32, Ordering},
};

use proptest::{
    strategy::Strategy,
    test_runner::{Config, TestRunner},
};
use shared_types::AccountSid;
use tokio::{runtime::Handle, task::block_in_place};

/// Number of cases of a property on one engine.
const CASES: u32 = 5;

/// One, two, three and four bytes in UTF-8; the second and the last are longer in JSON.
const UNITS: [&str; 5] = ["x", "\n", "é", "\u{1f600}", "\""];

/// Checks a property for cases of the strategy.
fn check<T: Debug>(strategy: impl Strategy<Value = T>, property: impl AsyncFn(T)) {
    let config =
        Config { cases: CASES, max_shrink_iters: 50, failure_persistence: None, ..Config::default() };
    let handle = Handle::current();
    let checked = block_in_place(|| {
        TestRunner::new(config).run(&strategy, |case| {
            handle.block_on(property(case));
            Ok(())
        })
    });
    checked.unwrap_or_else(|error| panic!("{error}"));
}

/// The number of a case, and an account of its own.
fn new_account() -> (u128, AccountSid) {
    static NUMBER: AtomicU32 = AtomicU32::new(1000);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed).into();
    (number, AccountSid::from_bits(number))
}

fn text(unit: usize, length: usize) -> String {
    UNITS[unit].repeat((length / UNITS[unit].len()).max(1))
}

/// A page in numbers.
struct Bounds<'a> {
    taken: usize,
    limit: u32,
    /// Encoded length of the response.
    encoded: usize,
    max_bytes: usize,
    /// Encoded lengths of the items from the page's position on, before any was erased.
    sizes: &'a [usize],
    /// How much longer the store may estimate an item.
    tolerance: usize,
}

impl Bounds<'_> {
    fn assert(&self) {
        let Self { taken, limit, encoded, max_bytes, sizes, tolerance } = *self;
        assert!(taken <= limit as usize, "{taken} of {limit}");
        assert_eq!(taken == 0, sizes.is_empty(), "at least one item if there is one");
        assert!(encoded <= max_bytes || taken == 1, "{encoded} bytes of {taken} items");
        if taken < sizes.len().min(limit as usize) {
            let more: usize = sizes[..=taken].iter().map(|size| size + tolerance).sum();
            assert!(more + 4096 > max_bytes, "the next item would have fit: {more} bytes, {taken} taken");
        }
    }
}
