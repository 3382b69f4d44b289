//! Random draws of visitors' properties that the header network does not contain, from the distributions in this file.
//! They are assumptions: plausible, written down, and never measured on a running site. Cookies have hardly an effect.
//! Countries decide how often two strangers share a language and a clock; since a site's visitors mostly come from one
//! country, the worst case is a separate row, and so is a thief in the visitor's own network. Country, system and browser are drawn independently of each other, although in reality they correlate.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng as _, SeedableRng as _},
};

use crate::{
    population::HeaderSet,
    visitor::{Clock, Visitor, Widget},
};

/// The seed of all draws.
pub(crate) const SEED: u64 = 4;

/// The page's origin. A thief without a browser forges it.
pub(crate) const SITE: &str = "https://shop.example.com";
pub(crate) const OTHER_SITE: &str = "https://shop.example.net";

/// Shares in percent or another unit, and their values.
type Shares<T> = &'static [(u32, T)];

/// A country: where its clocks stand, and the languages that its browsers ask for.
pub(crate) struct Country {
    zones: Shares<(i16, i16)>,
    southern: bool,
    languages: Shares<&'static [&'static str]>,
}

/// By users of the internet in millions: population times the share that uses it (World Bank, indicators SP.POP.TOTL
/// and IT.NET.USER.ZS, roughly rounded). Zones as standard offset and summer time, after the IANA time zone database,
/// weighed by inhabitants in percent. Languages: an official one first for most, English first for some; no public source.
#[rustfmt::skip]
const COUNTRIES: Shares<Country> = &[
    (1090, north(&[(100, (-480, 0))],                      &[(85, &["zh-CN"]), (15, &["en-US", "zh-CN"])])),
    (880,  north(&[(100, (-330, 0))],                      &[(40, &["en-IN", "en-GB", "en-US"]), (30, &["en-US"]), (30, &["hi-IN", "en-US"])])),
    (310,  north(&[(47, (300, 60)), (29, (360, 60)), (7, (420, 60)), (17, (480, 60))], &[(85, &["en-US"]), (9, &["en-US", "es"]), (6, &["es-US", "en-US"])])),
    (215,  north(&[(82, (-420, 0)), (14, (-480, 0)), (4, (-540, 0))], &[(70, &["id-ID", "en-US"]), (30, &["en-US", "id"])])),
    (180,  south(&[(92, (180, 0)), (8, (240, 0))],         &[(75, &["pt-BR", "en-US"]), (20, &["pt-BR"]), (5, &["en-US", "pt-BR"])])),
    (130,  north(&[(67, (-180, 0)), (18, (-300, 0)), (15, (-420, 0))], &[(90, &["ru-RU", "en-US"]), (10, &["ru"])])),
    (105,  north(&[(100, (-540, 0))],                      &[(70, &["ja", "en-US"]), (25, &["ja"]), (5, &["en-US", "ja"])])),
    (105,  north(&[(92, (360, 0)), (8, (420, 0))],         &[(60, &["es-419", "es", "en-US"]), (35, &["es-MX", "en-US"]), (5, &["en-US", "es"])])),
    (78,   north(&[(100, (-60, 60))],                      &[(75, &["de-DE", "en-US"]), (10, &["de"]), (15, &["en-US", "de"])])),
    (73,   north(&[(100, (-180, 0))],                      &[(90, &["tr-TR", "en-US"]), (10, &["en-US", "tr"])])),
    (66,   north(&[(100, (0, 60))],                        &[(80, &["en-GB", "en-US"]), (20, &["en-US"])])),
    (60,   north(&[(100, (-60, 60))],                      &[(85, &["fr-FR", "en-US"]), (8, &["fr"]), (7, &["en-US", "fr"])])),
    (51,   north(&[(100, (-60, 60))],                      &[(92, &["it-IT", "en-US"]), (8, &["en-US", "it"])])),
    (50,   north(&[(100, (-540, 0))],                      &[(90, &["ko-KR", "en-US"]), (10, &["en-US", "ko"])])),
    (45,   north(&[(96, (-60, 60)), (4, (0, 60))],         &[(85, &["es-ES", "en-US"]), (8, &["ca", "es-ES"]), (7, &["en-US", "es"])])),
    (37,   north(&[(62, (300, 60)), (16, (360, 60)), (12, (420, 60)), (10, (480, 60))], &[(50, &["en-CA", "en-US"]), (30, &["en-US"]), (20, &["fr-CA", "en-US"])])),
    (34,   north(&[(100, (-60, 60))],                      &[(90, &["pl-PL", "en-US"]), (10, &["en-US", "pl"])])),
    (25,   south(&[(62, (-600, 60)), (20, (-600, 0)), (11, (-480, 0)), (7, (-570, 60))], &[(65, &["en-AU", "en-US"]), (30, &["en-GB", "en-US"]), (5, &["zh-CN", "en-US"])])),
    (17,   north(&[(100, (-60, 60))],                      &[(70, &["nl-NL", "en-US"]), (30, &["en-US", "nl"])])),
    (10,   north(&[(100, (-60, 60))],                      &[(70, &["sv-SE", "en-US"]), (30, &["en-US", "sv"])])),
    (8,    north(&[(100, (-60, 60))],                      &[(60, &["de-CH", "en-US"]), (20, &["fr-CH", "en-US"]), (20, &["en-US", "de"])])),
];

/// Lord Howe Island, whose daylight saving time is half an hour.
pub(crate) const LORD_HOWE: Clock = Clock { standard: -630, saving: 30, summer: false };

/// About half of all requests come over IPv6 (Google's public IPv6 statistics: between 45 and 50 percent).
const IPV6_PERCENT: u32 = 47;

/// Few browsers have cookies off, and those rarely get as far as a chat; no public source.
const COOKIES_PERCENT: u32 = 99;

/// The widget's probes, audio and video: nearly all browsers play both. A free build of Chromium or Firefox on Linux
/// often has no codecs that cost a licence; elsewhere one probe fails now and then. No public source.
const DECODERS: Shares<(bool, bool)> = &[(97, (true, true)), (2, (true, false)), (1, (false, false))];
const DECODERS_ON_LINUX: Shares<(bool, bool)> =
    &[(80, (true, true)), (5, (true, false)), (15, (false, false))];

const fn north(zones: Shares<(i16, i16)>, languages: Shares<&'static [&'static str]>) -> Country {
    Country { zones, southern: false, languages }
}

const fn south(zones: Shares<(i16, i16)>, languages: Shares<&'static [&'static str]>) -> Country {
    Country { zones, southern: true, languages }
}

/// A random source. Each use has its own, seeded by its name, so that a new row does not change the others.
pub(crate) struct Draws(ChaCha8Rng);

impl Draws {
    pub(crate) fn of(purpose: &str) -> Self {
        let mut seed = [0; 32];
        let (number, name) = seed.split_at_mut(8);
        number.copy_from_slice(&SEED.to_le_bytes());
        for (at, byte) in purpose.bytes().enumerate() {
            if let Some(place) = name.get_mut(at % 24) {
                *place = place.rotate_left(3) ^ byte;
            }
        }
        Self(ChaCha8Rng::from_seed(seed))
    }

    /// One of `0..end`. Written out, since a library may change how it draws from a range.
    pub(crate) fn below(&mut self, end: u32) -> u32 {
        ((u64::from(self.0.next_u32()) * u64::from(end)) >> 32) as u32
    }

    /// One by shares; `None` if there are none.
    fn share<T>(&mut self, shares: &'static [(u32, T)]) -> Option<&'static T> {
        let mut left = self.below(shares.iter().map(|(share, _)| share).sum());
        shares.iter().find_map(|(share, item)| {
            let found = left < *share;
            left = left.saturating_sub(*share);
            found.then_some(item)
        })
    }

    pub(crate) fn country(&mut self) -> &'static Country {
        self.share(COUNTRIES).unwrap_or(&const { north(&[], &[]) })
    }

    /// A visitor with these headers from any country.
    pub(crate) fn visitor(&mut self, headers: &HeaderSet) -> Visitor {
        let country = self.country();
        self.visitor_from(country, headers)
    }

    /// A visitor with these headers, in January.
    pub(crate) fn visitor_from(&mut self, country: &'static Country, headers: &HeaderSet) -> Visitor {
        let languages = self.share(country.languages).copied().unwrap_or_default();
        // Safari sends only one.
        let languages =
            languages.iter().copied().take(if crate::updates::is_safari(headers) { 1 } else { 9 });
        let linux = headers.user_agent.contains("X11; Linux");
        Visitor {
            headers: headers.clone(),
            languages: languages.collect(),
            widget: Some(Widget {
                language: None,
                cookie_enabled: self.below(100) < COOKIES_PERCENT,
                clock: self.clock(country),
                decoders: *self
                    .share(if linux { DECODERS_ON_LINUX } else { DECODERS })
                    .unwrap_or(&(true, true)),
            }),
            login_timestamp: Some(self.login_timestamp()),
            origin: SITE,
            address: if self.below(100) < IPV6_PERCENT { self.ipv6() } else { self.ipv4() },
        }
    }

    pub(crate) fn clock(&mut self, country: &'static Country) -> Clock {
        let (standard, saving) = self.share(country.zones).copied().unwrap_or_default();
        Clock { standard, saving, summer: country.southern && saving > 0 }
    }

    /// A millisecond of some day.
    pub(crate) fn login_timestamp(&mut self) -> u64 {
        1_768_435_200_000 + u64::from(self.below(86_400_000))
    }

    /// A uniformly drawn global address: two visitors practically never share a network.
    pub(crate) fn ipv4(&mut self) -> IpAddr {
        let first = 11 + self.below(89) as u8;
        let [a, b, c, _] = self.0.next_u32().to_be_bytes();
        Ipv4Addr::new(first, a, b, c).into()
    }

    /// A uniformly drawn global address.
    pub(crate) fn ipv6(&mut self) -> IpAddr {
        let mut bits = (u128::from(self.0.next_u64()) << 64) | u128::from(self.0.next_u64());
        bits = (bits >> 3) | (1 << 125);
        Ipv6Addr::from_bits(bits).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_deterministic_and_independent_per_purpose() {
        let first = |purpose: &str| Draws::of(purpose).0.next_u64();
        assert_eq!(first("a new network"), first("a new network"));
        assert_ne!(first("a new network"), first("an old network"));
        assert_ne!(first("exactly twenty-four long"), first("exactly twenty-four long, and more"));
        // ChaCha with 8 rounds, whatever the library's release: the first word under the key 4, 0, 0, …
        assert_eq!(Draws::of("").0.next_u32(), 3_848_937_943);
    }

    #[test]
    fn draws_match_the_configured_shares() {
        let mut draws = Draws::of("shares");
        let thirds: Shares<bool> = &[(1, true), (2, false)];
        let heads = (0..10_000).filter(|_| draws.share(thirds) == Some(&true)).count();
        assert!((3_200..3_470).contains(&heads), "{heads}");
        assert_eq!(draws.share::<bool>(&[]), None);
        let tens: Vec<u32> = (0..1_000).map(|_| draws.below(10)).collect();
        assert!((0..10).all(|n| tens.contains(&n)) && tens.iter().all(|n| *n < 10));
    }

    #[test]
    fn addresses_are_global() {
        let mut draws = Draws::of("addresses");
        for _ in 0..1_000 {
            assert!(
                matches!(draws.ipv4(), IpAddr::V4(address) if !address.is_private() && !address.is_loopback())
            );
            assert!(matches!(draws.ipv6(), IpAddr::V6(address) if address.segments()[0] & 0xe000 == 0x2000));
        }
    }
}
