//! Pages of the desk's lists.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Maximum number of items of a page; a greater `PageSize` is clamped.
pub const MAX_PAGE: u32 = 100;

/// Default of `PageSize`.
const DEFAULT_PAGE: u32 = 50;

/// Maximum length of a page in bytes, unless it has a single item (contract, section 9).
pub const PAGE_BYTES: usize = 256 * 1024;

/// What every list takes.
#[derive(Clone, Debug, Default)]
pub struct PageQuery {
    /// Number of items, if given.
    pub size: Option<u64>,
    /// The position of [`Meta::next_page_url`].
    pub token: Option<String>,
}

impl PageQuery {
    /// `PageSize` between 1 and [`MAX_PAGE`].
    pub fn size(&self) -> u32 {
        let size = self.size.unwrap_or(u64::from(DEFAULT_PAGE));
        u32::try_from(size).unwrap_or(u32::MAX).clamp(1, MAX_PAGE)
    }
}

/// `meta` of a page. Positions are in `next_page_url` only, which repeats all filters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Meta {
    /// Always 0: pages have positions, not numbers.
    pub page: u32,
    /// Maximum number of items.
    pub page_size: u32,
    /// Absolute.
    pub first_page_url: String,
    /// Not supported.
    pub previous_page_url: (),
    /// Absolute.
    pub url: String,
    /// Absolute; `null` on the last page. A page may have fewer items than `page_size` and still a next one.
    pub next_page_url: Option<String>,
    /// The name of the member that holds the items.
    pub key: String,
}
