//! The product names of a User-Agent: which of its tokens are names, which of them identify a browser, and the version.

use std::cmp::Ordering;

use super::{Counting, word};

/// Maximum number of products that are read.
const MAX_PRODUCTS: usize = 24;

/// Names that identify no browser, each with the reason.
const GENERIC: [(&[u8], Generic); 27] = [
    (b"mozilla", Generic::Compatibility),
    (b"applewebkit", Generic::Compatibility),
    (b"khtml", Generic::Compatibility),
    (b"gecko", Generic::Compatibility),
    (b"like", Generic::Compatibility),
    (b"version", Generic::Description),
    (b"mobile", Generic::Description),
    (b"tablet", Generic::Description),
    (b"compatible", Generic::Description),
    (b"build", Generic::Description),
    (b"android", Generic::System),
    (b"linux", Generic::System),
    (b"ubuntu", Generic::System),
    (b"windows", Generic::System),
    (b"macintosh", Generic::System),
    (b"ios", Generic::System),
    (b"iphone", Generic::System),
    (b"ipad", Generic::System),
    (b"ipod", Generic::System),
    (b"nettype", Generic::Setting),
    (b"language", Generic::Setting),
    (b"locale", Generic::Setting),
    (b"bytelocale", Generic::Setting),
    (b"region", Generic::Setting),
    (b"channel", Generic::Setting),
    (b"abi", Generic::Setting),
    (b"store", Generic::Setting),
];

/// Why a name identifies no browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Generic {
    /// Most browsers send it, to be served like an older one.
    Compatibility,
    /// It describes the version or the form of the device.
    Description,
    /// It names the system or the device. Those are separate signals.
    System,
    /// Apps write a setting of theirs like a product: the network, the language, the store that sold them.
    Setting,
}

/// Browsers with a release every four weeks, or about that, and a common major version. The first that is found has
/// the version: a Chromium browser of another name sends the engine's as `Chrome`.
const FOUR_WEEKLY: [&str; 7] =
    ["chrome", "firefox", "headlesschrome", "chromium", "crios", "fxios", "edgios"];

/// The products read so far.
#[derive(Default)]
pub(super) struct Products<'a> {
    kept: [Product<'a>; MAX_PRODUCTS],
    /// Number of those that are kept.
    len: usize,
    /// Number of all.
    seen: usize,
    /// `Version/26.0`: Safari's version.
    version: Option<u16>,
    safari: bool,
    last: Last,
}

#[derive(Clone, Copy, Default)]
struct Product<'a> {
    /// In any case.
    name: &'a [u8],
    version: Option<u16>,
}

/// The product that the next version belongs to.
#[derive(Default)]
enum Last {
    /// One that is not kept.
    #[default]
    None,
    /// `Version`.
    Version,
    /// The one that was kept last.
    Kept,
}

impl<'a> Products<'a> {
    pub(super) fn add(&mut self, word: &'a [u8], is_version: bool) {
        if is_version || word.first().is_some_and(u8::is_ascii_digit) {
            self.set_version(word);
        } else {
            self.add_name(word);
        }
    }

    fn add_name(&mut self, word: &'a [u8]) {
        self.last = Last::None;
        if self.seen == MAX_PRODUCTS {
            return;
        }
        self.seen += 1;
        let end = word.iter().position(u8::is_ascii_digit).unwrap_or(word.len());
        let (name, version) = word.split_at_checked(end).unwrap_or_default();
        let name = trim_end(name);
        if name.len() < 2 || !name.iter().any(u8::is_ascii_alphabetic) {
            return;
        }
        if name.eq_ignore_ascii_case(b"version") {
            self.last = Last::Version;
        } else if name.eq_ignore_ascii_case(b"safari") {
            self.safari = true;
        } else if !GENERIC.iter().any(|(generic, _)| name.eq_ignore_ascii_case(generic))
            && let Some(place) = self.kept.get_mut(self.len)
        {
            *place = Product { name, version: None };
            self.len += 1;
            self.last = Last::Kept;
        }
        self.set_version(version);
    }

    fn set_version(&mut self, word: &[u8]) {
        let slot = match self.last {
            Last::None => return,
            Last::Version => &mut self.version,
            Last::Kept => match self.len.checked_sub(1).and_then(|last| self.kept.get_mut(last)) {
                Some(product) => &mut product.version,
                None => return,
            },
        };
        if slot.is_none() {
            *slot = number(word);
        }
    }

    pub(super) fn add_of_comment(&mut self, comment: &'a [u8], is_first: bool) {
        let mut is_named = !is_first;
        for entry in comment.split(|byte| *byte == b';').map(<[u8]>::trim_ascii) {
            let (word, rest) = word(entry);
            let is_web_view = is_first && entry == b"wv";
            if is_web_view
                || (is_named && word.first().is_some_and(u8::is_ascii_alphabetic) && !is_locale(word))
            {
                self.add_name(word);
                self.set_version(word_after_slash(rest));
                self.last = Last::None;
            }
            is_named = word == b"compatible";
        }
    }

    /// The major version, and how it is counted.
    pub(super) fn version(&self) -> (Option<u16>, Counting) {
        let four_weekly = FOUR_WEEKLY.into_iter().find_map(|name| self.find(name)?.version);
        match (four_weekly, self.version) {
            (Some(major), _) => (Some(major), Counting::FourWeekly),
            // Safari's version went from 18 to 26 in one ordinary release, so it counts as one step.
            (None, Some(major)) if self.safari => {
                (Some(if major >= 26 { major - 7 } else { major }), Counting::Yearly)
            }
            (None, _) => (self.kept().iter().find_map(|product| product.version), Counting::Weekly),
        }
    }

    /// The names without an app's own, as its desktop mode sends them. `None` if they are the same.
    pub(super) fn base(&self) -> Option<&'static str> {
        let has_more = self.len > 1;
        ["chrome", "firefox"].into_iter().find(|name| has_more && self.find(name).is_some())
    }

    /// The names as a set: sorted, each once, separated by spaces.
    pub(super) fn family(&self) -> String {
        let mut products = self.kept;
        let products = products.get_mut(..self.len).unwrap_or_default();
        products.sort_unstable_by(|one, two| by_name(one.name, two.name));
        let mut family = String::with_capacity(64);
        let mut previous: &[u8] = b"";
        for Product { name, .. } in products {
            if name.eq_ignore_ascii_case(previous) {
                continue;
            }
            if !family.is_empty() {
                family.push(' ');
            }
            family.extend(name.iter().map(|byte| char::from(byte.to_ascii_lowercase())));
            previous = name;
        }
        // Every WebKit browser and Chromium sends `Safari`; only Safari sends no other name.
        if family.is_empty() && self.safari {
            family.push_str("safari");
        }
        family
    }

    fn kept(&self) -> &[Product<'a>] {
        self.kept.get(..self.len).unwrap_or_default()
    }

    fn find(&self, name: &str) -> Option<&Product<'a>> {
        self.kept().iter().find(|product| product.name.eq_ignore_ascii_case(name.as_bytes()))
    }
}

fn by_name(one: &[u8], two: &[u8]) -> Ordering {
    one.iter().map(u8::to_ascii_lowercase).cmp(two.iter().map(u8::to_ascii_lowercase))
}

/// The token after a leading `/`. Empty without one.
fn word_after_slash(text: &[u8]) -> &[u8] {
    text.strip_prefix(b"/").map(|text| word(text).0).unwrap_or_default()
}

/// `musical_ly_` without the separator of its version.
fn trim_end(mut name: &[u8]) -> &[u8] {
    while let Some((last, rest)) = name.split_last() {
        if last.is_ascii_alphanumeric() {
            break;
        }
        name = rest;
    }
    name
}

/// Whether a word is a locale, such as `en_GB`: apps list it in their comments, and it follows a setting.
fn is_locale(word: &[u8]) -> bool {
    matches!(word, [_, _] | [_, _, b'_' | b'-', _, _])
}

/// Parses the decimal number at the start of `text`. `None` if it is missing or exceeds `u16`.
fn number(text: &[u8]) -> Option<u16> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit());
    let mut number = None;
    for digit in digits {
        number = Some(number.unwrap_or(0_u16).checked_mul(10)?.checked_add(u16::from(digit - b'0'))?);
    }
    number
}
