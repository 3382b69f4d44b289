//! Parser of the User-Agent (RFC 9110, section 10.1.5). It is total: every byte string has a reading. A browser is the
//! set of its product names, so a browser that calls itself `HeadlessChrome`, `Electron`, `Whale` or `Edg` is another
//! one without any list of browsers. Bounds: 1,024 bytes, 24 products, comments nested to 4; the rest is ignored.
//!
//! A name is a product's token, in lower case, up to its first digit (`musical_ly_2023901030`). The last part after a
//! `/` is the product's version and no name, digits or not (`NetType/WIFI`); the parts before it are names
//! (`XiaoMi/MiuiBrowser/14`). `[…]` is a comment. A comment after the first is an app's own, so its first word is a name
//! (`(Ecosia windows@147)`, `[FBAN/FBIOS;…]`), and so is the entry after `compatible` in any comment.

mod products;

use products::Products;

/// Maximum length that is read, in bytes. The longest User-Agents, of in-app browsers, have about 500.
const MAX_LEN: usize = 1024;
/// Maximum depth of nested comments.
const MAX_DEPTH: usize = 4;

/// A parsed User-Agent, without the parts that an update or a vendor changes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct UserAgent {
    /// The product names, sorted, separated by spaces. Empty if there are none.
    pub(super) family: String,
    /// The names without an app's own, as an app on Android sends them in its desktop mode, if that is another set.
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
        let (major, counting) = products.version();
        let (operating_system, faces) = system(first_comment.unwrap_or_default());
        Self {
            family: products.family(),
            base: products.base().filter(|_| operating_system == Some("android")),
            major,
            counting,
            operating_system,
            faces,
            mobile: contains(user_agent, b"Mobi"),
        }
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
