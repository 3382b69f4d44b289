//! Real User-Agents of browsers, and the names, version and system that the fingerprint reads from them.

use proptest::{prelude::*, sample::select};
use shared_types::fingerprint::{Counting, Signals, evidence};

use crate::fingerprint_support::{CHROME, Guest};

const WINDOWS: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)";
const MAC: &str = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko)";
const LINUX: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)";
const CHROME_OS: &str = "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko)";
const ANDROID: &str = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko)";
const PIXEL: &str = "Mozilla/5.0 (Linux; Android 15; Pixel 8 Build/AP4A.250105.002; wv) AppleWebKit/537.36 \
    (KHTML, like Gecko) Version/4.0";
const MAC_SAFARI: &str =
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)";
const IPHONE: &str =
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)";
const IPAD: &str = "Mozilla/5.0 (iPad; CPU OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)";

/// Start and end of the User-Agent, then family, major version, operating system and the mobile flag.
type Sample = (&'static str, &'static str, &'static str, Option<u16>, Option<&'static str>, bool);

#[rustfmt::skip]
const SAMPLES: &[Sample] = &[
    // Chrome.
    (WINDOWS, " Chrome/138.0.0.0 Safari/537.36", "chrome", Some(138), Some("windows"), false),
    (MAC, " Chrome/138.0.0.0 Safari/537.36", "chrome", Some(138), Some("mac"), false),
    (LINUX, " Chrome/138.0.0.0 Safari/537.36", "chrome", Some(138), Some("linux"), false),
    (CHROME_OS, " Chrome/138.0.0.0 Safari/537.36", "chrome", Some(138), Some("chromeos"), false),
    (ANDROID, " Chrome/138.0.0.0 Mobile Safari/537.36", "chrome", Some(138), Some("android"), true),
    (ANDROID, " Chrome/138.0.0.0 Safari/537.36", "chrome", Some(138), Some("android"), false),
    (IPHONE, " CriOS/138.0.7204.53 Mobile/15E148 Safari/604.1", "crios", Some(138), Some("iphone"), true),
    (IPAD, " CriOS/138.0.7204.53 Mobile/15E148 Safari/604.1", "crios", Some(138), Some("ipad"), true),
    (LINUX, " HeadlessChrome/138.0.0.0 Safari/537.36", "headlesschrome", Some(138), Some("linux"), false),
    // Edge.
    (WINDOWS, " Chrome/138.0.0.0 Safari/537.36 Edg/138.0.0.0", "chrome edg", Some(138), Some("windows"), false),
    (MAC, " Chrome/138.0.0.0 Safari/537.36 Edg/138.0.3351.55", "chrome edg", Some(138), Some("mac"), false),
    (ANDROID, " Chrome/138.0.0.0 Mobile Safari/537.36 EdgA/138.0.0.0", "chrome edga", Some(138), Some("android"), true),
    (IPHONE, " Version/18.0 EdgiOS/138.0.3351.58 Mobile/15E148 Safari/604.1", "edgios", Some(138), Some("iphone"), true),
    // Firefox.
    ("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0)", " Gecko/20100101 Firefox/140.0", "firefox", Some(140), Some("windows"), false),
    ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:140.0)", " Gecko/20100101 Firefox/140.0", "firefox", Some(140), Some("mac"), false),
    ("Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:140.0)", " Gecko/20100101 Firefox/140.0", "firefox", Some(140), Some("linux"), false),
    ("Mozilla/5.0 (Android 15; Mobile; rv:140.0)", " Gecko/140.0 Firefox/140.0", "firefox", Some(140), Some("android"), true),
    ("Mozilla/5.0 (Android 15; Tablet; rv:140.0)", " Gecko/140.0 Firefox/140.0", "firefox", Some(140), Some("android"), false),
    (IPHONE, " FxiOS/140.0 Mobile/15E148 Safari/605.1.15", "fxios", Some(140), Some("iphone"), true),
    // Safari: 26 follows 18.
    (MAC_SAFARI, " Version/18.5 Safari/605.1.15", "safari", Some(18), Some("mac"), false),
    (IPHONE, " Version/18.5 Mobile/15E148 Safari/604.1", "safari", Some(18), Some("iphone"), true),
    (IPHONE, " Version/26.0 Mobile/15E148 Safari/604.1", "safari", Some(19), Some("iphone"), true),
    (IPAD, " Version/18.5 Mobile/15E148 Safari/604.1", "safari", Some(18), Some("ipad"), true),
    // Opera, Samsung Internet, Vivaldi, Yandex.
    (WINDOWS, " Chrome/137.0.0.0 Safari/537.36 OPR/121.0.0.0", "chrome opr", Some(137), Some("windows"), false),
    (ANDROID, " Chrome/137.0.0.0 Mobile Safari/537.36 OPR/90.0.0.0", "chrome opr", Some(137), Some("android"), true),
    (ANDROID, " SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36", "chrome samsungbrowser", Some(130), Some("android"), true),
    (WINDOWS, " Chrome/138.0.0.0 Safari/537.36 Vivaldi/7.5.3735.44", "chrome vivaldi", Some(138), Some("windows"), false),
    (WINDOWS, " Chrome/138.0.0.0 YaBrowser/25.6.0.0 Safari/537.36", "chrome yabrowser", Some(138), Some("windows"), false),
    // Web views inside of apps.
    (PIXEL, " Chrome/138.0.7204.63 Mobile Safari/537.36", "chrome wv", Some(138), Some("android"), true),
    (PIXEL, " Chrome/138.0.7204.63 Mobile Safari/537.36 Instagram 385.0.0.47.74 Android (35/15; 480dpi)", "chrome instagram wv", Some(138), Some("android"), true),
    (PIXEL, " Chrome/138.0.7204.63 Mobile Safari/537.36 [FB_IAB/FB4A;FBAV/517.0.0.34.109;IABMV/1;]", "chrome fb_iab wv", Some(138), Some("android"), true),
    (IPHONE, " Mobile/15E148", "", None, Some("iphone"), true),
    (IPHONE, " Mobile/15E148 [FBAN/FBIOS;FBAV/517.0.0.34.109;FBDV/iPhone15,2;FBSN/iOS]", "fban", None, Some("iphone"), true),
    (IPHONE, " GSA/375.0.773378385 Mobile/15E148 Safari/604.1", "gsa", Some(375), Some("iphone"), true),
    // Other programs have a fingerprint too.
    ("curl/8.14.1", "", "curl", Some(8), None, false),
    ("Wget/1.25.0", "", "wget", Some(1), None, false),
    ("okhttp/4.12.0", "", "okhttp", Some(4), None, false),
    ("python-requests/2.32.4", "", "python-requests", Some(2), None, false),
    ("MyApp/5.2 CFNetwork/1568.200.51 Darwin/24.1.0", "", "cfnetwork darwin myapp", Some(5), None, false),
    ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "", "googlebot", Some(2), None, false),
    ("node", "", "node", None, None, false),
    ("/", "", "", None, None, false),
    ("ラジオ/3", "", "", None, None, false),
    // Names that apps write as they like.
    (IPHONE, " Mobile/15E148 musical_ly_2023901030 JsSdk/2.0 NetType/WIFI Channel/App Store ByteLocale/en-GB", "jssdk musical_ly", Some(2), Some("iphone"), true),
    (ANDROID, " Chrome/130.0.0.0 Mobile Safari/537.36 XiaoMi/MiuiBrowser/14.9", "chrome miuibrowser xiaomi", Some(130), Some("android"), true),
    (IPHONE, " Mobile/15E148 MicroMessenger/8.0.61(0x18003d2e) NetType/4G Language/zh_CN", "micromessenger", Some(8), Some("iphone"), true),
    (WINDOWS, " Chrome/147.0.0.0 Safari/537.36 (Ecosia windows@147)", "chrome ecosia", Some(147), Some("windows"), false),
    (IPHONE, " Mobile/15E148 Instagram 398.0.0.27.83 (iPhone15,3; iOS 18_6_2; en_GB; scale=3.00)", "instagram", Some(398), Some("iphone"), true),
    (IPHONE, " Mobile/15E148 Snapchat/13.50.0.37 (like Safari/8620.1.16, panda)", "snapchat", Some(13), Some("iphone"), true),
    ("Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; ChatGPT-User/1.0; +https://openai.com/bot)", "", "chatgpt-user", Some(1), None, false),
    ("Mozilla/5.0 (Linux; Android 11; KFTRWI) AppleWebKit/537.36 (KHTML, like Gecko)", " Silk/138.4.1 like Chrome/138.0.0.0 Safari/537.36", "chrome silk", Some(138), Some("android"), false),
];

#[test]
fn each_browser_is_recognised() {
    for (beginning, end, family, major, operating_system, mobile) in SAMPLES {
        let agent = format!("{beginning}{end}");
        let guest = Guest::with_safari().sends(evidence::USER_AGENT, &agent);
        let Signals { family: f, major: m, operating_system: o, mobile: p, .. } = guest.shows();
        assert_eq!((f.as_ref(), m, o, p), (*family, *major, *operating_system, *mobile), "{agent}");
    }
}

#[test]
fn client_hints_agree_on_mobile_and_change_nothing_else() {
    let plain = Guest::with_safari().sends(evidence::USER_AGENT, CHROME);
    let hinting = Guest::with_chrome();
    let (plain, hinting) = (plain.shows(), hinting.shows());
    assert_eq!((&plain.family, plain.major, plain.mobile), (&hinting.family, hinting.major, hinting.mobile));
    assert_eq!((plain.brand, plain.platform), (None, None));
    assert_eq!((hinting.brand, hinting.platform), (Some("Google Chrome"), Some("Windows")));

    let liar = Guest::with_chrome().sends(evidence::SEC_CH_UA_MOBILE, "?1");
    assert!(liar.shows().mobile);
}

fn family(agent: &str) -> String {
    Guest::with_chrome().sends(evidence::USER_AGENT, agent).shows().family.into_owned()
}

#[test]
fn versions_are_counted_by_the_kind_of_browser() {
    let counted = |agent: &str| {
        let guest = Guest::with_safari().sends(evidence::USER_AGENT, agent);
        (guest.shows().major, guest.shows().counting)
    };
    let iphone = |end: &str| counted(&format!("{IPHONE}{end}"));
    assert_eq!(iphone(" CriOS/141.0 Mobile/15E148 Safari/604.1"), (Some(141), Counting::FourWeekly));
    assert_eq!(iphone(" Version/26.0 Mobile/15E148 Safari/604.1 Ddg/26.0"), (Some(19), Counting::Yearly));
    assert_eq!(iphone(" GSA/380.0.1 Mobile/15E148 Safari/604.1"), (Some(380), Counting::Weekly));
    assert_eq!(iphone(" Mobile/15E148"), (None, Counting::Weekly));
    assert_eq!(counted("curl/70000"), (None, Counting::Weekly));
    assert_eq!(counted("curl"), (None, Counting::Weekly));
    assert_eq!(counted("App/7.1 8.2"), (Some(7), Counting::Weekly), "the first number");
}

#[test]
fn the_base_family_of_an_app_on_android_is_its_engines() {
    for (agent, base) in [
        (CHROME.to_owned(), None),
        (format!("{CHROME} Edg/138.0.0.0"), None),
        (format!("{LINUX} Chrome/138.0.0.0 Safari/537.36 Edg/138.0.0.0"), None),
        (format!("{ANDROID} Chrome/138.0.0.0 Mobile Safari/537.36"), None),
        (format!("{ANDROID} SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36"), Some("chrome")),
        (
            "Mozilla/5.0 (Android 14; Mobile; rv:147.0) Gecko/147.0 Firefox/147.0 Focus/1".to_owned(),
            Some("firefox"),
        ),
        (format!("{IPHONE} Version/26.0 Mobile/15E148 Safari/604.1"), None),
        (format!("{IPHONE} Version/26.0 Mobile/15E148 Safari/604.1 Ddg/26.0"), None),
        (format!("{IPHONE} GSA/380.0.1 Mobile/15E148 Safari/604.1"), None),
    ] {
        assert_eq!(
            Guest::with_safari().sends(evidence::USER_AGENT, &agent).shows().base_family,
            base,
            "{agent}"
        );
    }
}

#[test]
fn the_reading_is_bounded() {
    // 24 products, the rest is ignored.
    let full: Vec<String> = (b'a'..=b'x').map(|letter| format!("x{}", char::from(letter))).collect();
    assert_eq!(family(&format!("{} Late/1", full.join(" "))), full.join(" "));
    // 1,024 bytes.
    let long = format!("Early/1 {}", " ".repeat(1100));
    assert_eq!(family(&format!("{long}Late/1")), "early");
    // Four nested comments are skipped, a fifth ends the reading.
    assert_eq!(family("Early (1 (2 (3 (4) 3) 2) 1) Late"), "early late");
    assert_eq!(family("Early (1 (2 [3 (4 (5) 4) 3] 2) 1) Late"), "early");
    assert_eq!(family("Early (unfinished Late"), "early");
    assert_eq!(family("Early ) ] Late"), "early late");
    assert_eq!(family(r"Early (a \) quoted) Late"), "early late");
}

#[test]
fn settings_and_values_are_no_names() {
    for agent in
        ["App/1 NetType/WIFI", "App/1 NetType/4G", "App/x86", "App/d8a21c6 Language/zh_CN", "App X/2 1.0"]
    {
        assert_eq!(family(agent), "app", "{agent}");
    }
    assert_eq!(family("App/Other/1"), "app other");
    // A locale at the start of an app's comment.
    for agent in ["App/1 (en_GB; 1.0)", "App/1 (de; 1.0)", "App/1 [zh-CN]"] {
        assert_eq!(family(&format!("X/1 (system) {agent}")), "app", "{agent}");
    }
}

/// A product that identifies a browser: no generic name, and no digits.
fn any_name() -> impl Strategy<Value = &'static str> {
    select(vec![
        "Chrome",
        "Firefox",
        "Edg",
        "OPR",
        "Whale",
        "Electron",
        "QtWebEngine",
        "coc_coc_browser",
        "FBAN",
        "Line",
    ])
}

fn agent(products: &[(&str, u16)]) -> String {
    let products: Vec<_> = products.iter().map(|(name, version)| format!("{name}/{version}.0")).collect();
    format!("Mozilla/5.0 (Windows NT 10.0) {}", products.join(" "))
}

proptest! {
    #[test]
    fn order_repetition_and_versions_do_not_matter(
        products in prop::collection::vec((any_name(), 0..999u16), 1..8).prop_flat_map(|products| {
            (Just(products.clone()), Just(products).prop_shuffle())
        }),
        version in 0..999u16,
    ) {
        let (products, shuffled) = products;
        let mut updated: Vec<_> = shuffled.iter().map(|(name, _)| (*name, version)).collect();
        updated.push(products[0]);
        prop_assert_eq!(family(&agent(&products)), family(&agent(&updated)));
        prop_assert_eq!(family(&agent(&products)), family(&agent(&updated).to_ascii_lowercase().replace("mozilla", "Mozilla")));
    }

    #[test]
    fn another_set_of_names_is_another_family(
        one in prop::collection::btree_set(any_name(), 1..6),
        two in prop::collection::btree_set(any_name(), 1..6),
    ) {
        let of = |names: &std::collections::BTreeSet<&'static str>| {
            family(&agent(&names.iter().map(|name| (*name, 1)).collect::<Vec<_>>()))
        };
        prop_assert_eq!(of(&one) == of(&two), one == two);
    }

    #[test]
    fn any_bytes_have_a_reading(
        bytes in prop::collection::vec(any::<u8>(), 1..2000),
        grammar in "([A-Za-z]{1,12}(/[A-Za-z0-9.]{0,8}){0,3}|[\\[(]|[)\\]]|[ ;\\\\,]|compatible;|[0-9.]{1,6}){0,60}",
    ) {
        for agent in [bytes.as_slice(), grammar.as_bytes()] {
            let guest = Guest::with_chrome().sends(evidence::USER_AGENT, agent);
            if agent.trim_ascii().is_empty() {
                prop_assert!(guest.signals().is_err());
                continue;
            }
            let signals = guest.signals().unwrap();
            prop_assert!(signals.family.split(' ').filter(|name| !name.is_empty()).count() <= 24);
            prop_assert!(signals.family.bytes().all(|byte| byte == b' ' || (byte.is_ascii_graphic() && !byte.is_ascii_uppercase())));
            let names: Vec<&str> = signals.family.split(' ').collect();
            prop_assert!(names.is_sorted());
        }
    }
}
