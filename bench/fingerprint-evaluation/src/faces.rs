//! The faces of one browser: pairs of header sets that it sends in turn. The population has few of these browsers, so
//! every visitor is given one, and keeps language, clock and decoders.

use crate::{draws::Draws, population::HeaderSet, visitor::Visitor};

/// A kind of switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Face {
    SplitView,
    DesktopSite,
    Foldable,
    Firefox,
    App,
}

const WEBKIT: &str = "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0";
const BLINK: &str = "AppleWebKit/537.36 (KHTML, like Gecko)";
const PHONE: (&str, &str) = ("?1", "Android");
const TABLET: (&str, &str) = ("?0", "Android");
const DESKTOP: (&str, &str) = ("?0", "Linux");

/// A visitor with a browser of this kind, before and after the switch, in either order.
pub(crate) fn switch(visitor: &Visitor, face: Face, draws: &mut Draws) -> Option<(Visitor, Visitor)> {
    let android = |form: &str| {
        format!("Mozilla/5.0 (Linux; Android 10; K) {BLINK} Chrome/147.0.0.0 {form}Safari/537.36")
    };
    let linux = format!("Mozilla/5.0 (X11; Linux x86_64) {BLINK} Chrome/147.0.0.0 Safari/537.36");
    let (one, two) = match face {
        Face::SplitView => (
            plain(format!("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {WEBKIT} Safari/605.1.15")),
            plain(format!(
                "Mozilla/5.0 (iPad; CPU OS 18_7 like Mac OS X) {WEBKIT} Mobile/15E148 Safari/604.1"
            )),
        ),
        Face::DesktopSite => {
            (hinted(android("Mobile "), "Google Chrome", PHONE), hinted(linux, "Google Chrome", DESKTOP))
        }
        Face::Foldable => {
            (hinted(android("Mobile "), "Google Chrome", PHONE), hinted(android(""), "Google Chrome", TABLET))
        }
        Face::Firefox => {
            let form =
                |form| plain(format!("Mozilla/5.0 (Android 14; {form}; rv:147.0) Gecko/147.0 Firefox/147.0"));
            (form("Mobile"), form("Tablet"))
        }
        Face::App => {
            let app = android("Mobile ").replace("Chrome/", "SamsungBrowser/29.0 Chrome/");
            (hinted(app, "Samsung Internet", PHONE), hinted(linux, "Samsung Internet", DESKTOP))
        }
    };
    let with = |headers| Visitor { headers, ..visitor.clone() };
    let (one, two) = (with(one), with(two));
    Some(if draws.below(2) == 0 { (one, two) } else { (two, one) })
}

fn plain(user_agent: String) -> HeaderSet {
    HeaderSet {
        user_agent,
        sec_ch_ua: None,
        sec_ch_ua_mobile: None,
        sec_ch_ua_platform: None,
        accept_encoding: Some("gzip, deflate, br, zstd".to_owned()),
    }
}

fn hinted(user_agent: String, brand: &str, (mobile, platform): (&str, &str)) -> HeaderSet {
    HeaderSet {
        sec_ch_ua: Some(format!(r#""Chromium";v="147", "{brand}";v="147", "Not.A/Brand";v="8""#)),
        sec_ch_ua_mobile: Some(mobile.to_owned()),
        sec_ch_ua_platform: Some(format!("\"{platform}\"")),
        ..plain(user_agent)
    }
}
