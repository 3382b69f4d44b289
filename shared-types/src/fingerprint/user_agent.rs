//! Parser of the User-Agent (RFC 9110, section 10.1.5). It is total: every byte string has a reading. A browser is the
//! set of its product names, so a browser that calls itself `HeadlessChrome`, `Electron`, `Whale` or `Edg` is another
//! one without any list of browsers. Bounds: 1,024 bytes, 24 products, comments nested to 4; the rest is ignored.
//!
//! A name is a product's token, in lower case, up to its first digit (`musical_ly_2023901030`). The last part after a
//! `/` is the product's version and no name, digits or not (`NetType/WIFI`); the parts before it are names
//! (`XiaoMi/MiuiBrowser/14`). `[…]` is a comment. A comment after the first is an app's own, so its first word is a name
//! (`(Ecosia windows@147)`, `[FBAN/FBIOS;…]`), and so is the entry after `compatible` in any comment.

/// Maximum length that is read, in bytes. The longest User-Agents, of in-app browsers, have about 500.
const MAX_LEN: usize = 1024;
/// Maximum number of products that are read.
const MAX_PRODUCTS: usize = 24;
/// Maximum depth of nested comments.
const MAX_DEPTH: usize = 4;

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

/// A parsed User-Agent, without the parts that an update or a vendor changes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct UserAgent {
    /// The product names, sorted, separated by spaces. Empty if there are none.
    pub(super) family: String,
    /// The names without an app's own, as an app sends them in its desktop mode, if that is another set.
    pub(super) base: Option<&'static str>,
    /// The major version. Minor versions are frozen or change at any time.
    pub(super) major: Option<u16>,
    /// How the major version is counted.
    pub(super) counting: Counting,
    /// The operating system, without its version.
    pub(super) operating_system: Option<&'static str>,
    /// The systems that this browser also reports.
    pub(super) faces: Faces,
    /// Whether the User-Agent contains `Mobi`. Browser vendors recommend this substring instead of device names.
    pub(super) mobile: bool,
}

/// How often a browser's major version increases.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Counting {
    /// Every four weeks: Chromium, Firefox.
    FourWeekly,
    /// Every year: Safari.
    Yearly,
    /// Every week: apps with a browser inside. Also assumed of all other programs.
    #[default]
    Weekly,
}

/// The systems that one browser reports in turn: with "desktop site", in split view, folded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Faces {
    /// It has one face.
    #[default]
    One,
    /// Android and Linux.
    Android,
    /// iPhone, iPad and Mac.
    Apple,
}

impl UserAgent {
    /// Parses a User-Agent.
    pub(super) fn read(user_agent: &[u8]) -> Self {
        let user_agent = user_agent.get(..MAX_LEN).unwrap_or(user_agent);
        let mut products = Products::default();
        let mut rest = user_agent;
        let mut first_comment = None;
        // Whether a `/` directly precedes `rest`, after a product.
        let mut after_slash = false;
        while let Some((byte, after)) = rest.split_first() {
            match byte {
                b'(' | b'[' => {
                    let (comment, after) = comment(after);
                    products.add_of_comment(comment, first_comment.is_none());
                    first_comment = first_comment.or(Some(comment));
                    (rest, after_slash) = (after, false);
                }
                byte if is_token(*byte) => {
                    let (word, after) = word(rest);
                    let is_version = after_slash && after.first() != Some(&b'/');
                    products.add(word, is_version);
                    (rest, after_slash) = match after.strip_prefix(b"/") {
                        Some(after) => (after, true),
                        None => (after, false),
                    };
                }
                _ => (rest, after_slash) = (after, false),
            }
        }
        products.user_agent(user_agent, first_comment.unwrap_or_default())
    }
}

/// Splits off a comment, without its brackets, and returns it and the rest. An unfinished comment, or one nested too
/// deeply, has all of the text, and the rest is empty.
fn comment(text: &[u8]) -> (&[u8], &[u8]) {
    let (mut depth, mut escaped) = (1, false);
    for (place, byte) in text.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'(' | b'[' if depth == MAX_DEPTH => return (text.get(..place).unwrap_or_default(), &[]),
            b'(' | b'[' => depth += 1,
            b')' | b']' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            let (comment, rest) = text.split_at_checked(place).unwrap_or_default();
            return (comment, rest.get(1..).unwrap_or_default());
        }
    }
    (text, &[])
}

/// Splits off the token at the start of `text`.
fn word(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().position(|byte| !is_token(*byte)).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or_default()
}

/// Whether the byte is a token character (RFC 9110, section 5.6.2).
const fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'..=b'`' | b'|' | b'~')
}

/// The products read so far.
#[derive(Default)]
struct Products<'a> {
    names: [Option<Product<'a>>; MAX_PRODUCTS],
    /// Number of products, also those that are not kept.
    seen: usize,
    kept: usize,
    /// `Version/26.0`: Safari's version.
    version: Option<u16>,
    safari: bool,
    last: Last,
}

#[derive(Clone, Copy)]
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
    fn add(&mut self, word: &'a [u8], is_version: bool) {
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
            && let Some(place) = self.names.get_mut(self.kept)
        {
            *place = Some(Product { name, version: None });
            self.kept += 1;
            self.last = Last::Kept;
        }
        self.set_version(version);
    }

    fn set_version(&mut self, word: &[u8]) {
        let slot = match self.last {
            Last::None => return,
            Last::Version => &mut self.version,
            Last::Kept => match self.kept.checked_sub(1).and_then(|last| self.names.get_mut(last)) {
                Some(Some(product)) => &mut product.version,
                _ => return,
            },
        };
        if slot.is_none() {
            *slot = number(word);
        }
    }

    fn add_of_comment(&mut self, comment: &'a [u8], is_first: bool) {
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

    fn user_agent(&mut self, user_agent: &[u8], first_comment: &[u8]) -> UserAgent {
        let names = self.names.get_mut(..self.kept).unwrap_or_default();
        let mut products = [Product { name: b"", version: None }; MAX_PRODUCTS];
        let mut kept = 0;
        for (place, product) in products.iter_mut().zip(names.iter().flatten()) {
            *place = *product;
            kept += 1;
        }
        let products = products.get_mut(..kept).unwrap_or_default();
        let found =
            |name: &str| products.iter().find(|product| product.name.eq_ignore_ascii_case(name.as_bytes()));
        let four_weekly = FOUR_WEEKLY.into_iter().find_map(|name| found(name)?.version);
        let (major, counting) = match (four_weekly, self.version) {
            (Some(major), _) => (Some(major), Counting::FourWeekly),
            // Safari's version went from 18 to 26 in one ordinary release, so it counts as one step.
            (None, Some(major)) if self.safari => {
                (Some(if major >= 26 { major - 7 } else { major }), Counting::Yearly)
            }
            (None, _) => (products.iter().find_map(|product| product.version), Counting::Weekly),
        };
        let (operating_system, faces) = system(first_comment);
        // A mode for desktop sites that omits an app's own names is known of Android's apps only.
        let base = if kept < 2 {
            None
        } else {
            ["chrome", "firefox"].into_iter().find(|name| found(name).is_some())
        };
        products.sort_unstable_by(|one, two| by_name(one.name, two.name));
        let mut family = String::with_capacity(64);
        let mut previous: &[u8] = b"";
        for product in products.iter().filter(|product| !product.name.is_empty()) {
            if product.name.eq_ignore_ascii_case(previous) {
                continue;
            }
            if !family.is_empty() {
                family.push(' ');
            }
            family.extend(product.name.iter().map(|byte| char::from(byte.to_ascii_lowercase())));
            previous = product.name;
        }
        // Every WebKit browser and Chromium sends `Safari`; only Safari sends no other name.
        if family.is_empty() && self.safari {
            family.push_str("safari");
        }
        UserAgent {
            family,
            base,
            major,
            counting,
            operating_system,
            faces,
            mobile: contains(user_agent, b"Mobi"),
        }
    }
}

fn by_name(one: &[u8], two: &[u8]) -> std::cmp::Ordering {
    one.iter().map(u8::to_ascii_lowercase).cmp(two.iter().map(u8::to_ascii_lowercase))
}

/// The system and its faces, from the first comment.
fn system(comment: &[u8]) -> (Option<&'static str>, Faces) {
    // The order matters: Android also reports Linux, and an iPhone is "like Mac OS X".
    const SYSTEMS: [(&[u8], &str, Faces); 10] = [
        (b"Windows", "windows", Faces::One),
        (b"Android", "android", Faces::Android),
        (b"iPhone", "iphone", Faces::Apple),
        (b"iPad", "ipad", Faces::Apple),
        (b"iPod", "ipod", Faces::Apple),
        (b"Macintosh", "mac", Faces::Apple),
        (b"Mac OS X", "mac", Faces::Apple),
        (b"CrOS", "chromeos", Faces::One),
        (b"Linux", "linux", Faces::Android),
        (b"X11", "unix", Faces::One),
    ];
    let found = SYSTEMS.iter().find(|(mark, _, _)| contains(comment, mark));
    found.map_or((None, Faces::One), |(_, name, faces)| (Some(*name), *faces))
}

fn contains(text: &[u8], mark: &[u8]) -> bool {
    text.windows(mark.len()).any(|window| window == mark)
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
