//! Real User-Agents of browsers, and the family, version and system that the fingerprint reads from them.

use shared_types::fingerprint::{Signals, evidence};

use crate::fingerprint_support::Guest;

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
    (WINDOWS, " Chrome/138.0.0.0 Safari/537.36", "Chrome", Some(138), Some("Windows 10"), false),
    (MAC, " Chrome/138.0.0.0 Safari/537.36", "Chrome", Some(138), Some("Mac OSX"), false),
    (LINUX, " Chrome/138.0.0.0 Safari/537.36", "Chrome", Some(138), Some("Linux"), false),
    (CHROME_OS, " Chrome/138.0.0.0 Safari/537.36", "Chrome", Some(138), Some("ChromeOS"), false),
    (ANDROID, " Chrome/138.0.0.0 Mobile Safari/537.36", "Chrome", Some(138), Some("Android"), true),
    (ANDROID, " Chrome/138.0.0.0 Safari/537.36", "Chrome", Some(138), Some("Android"), false),
    (IPHONE, " CriOS/138.0.7204.53 Mobile/15E148 Safari/604.1", "Chrome", Some(138), Some("iPhone"), true),
    (IPAD, " CriOS/138.0.7204.53 Mobile/15E148 Safari/604.1", "Chrome", Some(138), Some("iPad"), true),
    (LINUX, " HeadlessChrome/138.0.0.0 Safari/537.36", "Chrome", Some(138), Some("Linux"), false),
    // Edge.
    (WINDOWS, " Chrome/138.0.0.0 Safari/537.36 Edg/138.0.0.0", "Edge", Some(138), Some("Windows 10"), false),
    (MAC, " Chrome/138.0.0.0 Safari/537.36 Edg/138.0.3351.55", "Edge", Some(138), Some("Mac OSX"), false),
    (ANDROID, " Chrome/138.0.0.0 Mobile Safari/537.36 EdgA/138.0.0.0", "Edge", Some(138), Some("Android"), true),
    (IPHONE, " Version/18.0 EdgiOS/138.0.3351.58 Mobile/15E148 Safari/604.1", "Edge", Some(138), Some("iPhone"), true),
    // Firefox.
    ("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0)", " Gecko/20100101 Firefox/140.0", "Firefox", Some(140), Some("Windows 10"), false),
    ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:140.0)", " Gecko/20100101 Firefox/140.0", "Firefox", Some(140), Some("Mac OSX"), false),
    ("Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:140.0)", " Gecko/20100101 Firefox/140.0", "Firefox", Some(140), Some("Linux"), false),
    ("Mozilla/5.0 (Android 15; Mobile; rv:140.0)", " Gecko/140.0 Firefox/140.0", "Firefox", Some(140), Some("Android"), true),
    ("Mozilla/5.0 (Android 15; Tablet; rv:140.0)", " Gecko/140.0 Firefox/140.0", "Firefox", Some(140), Some("Android"), false),
    (IPHONE, " FxiOS/140.0 Mobile/15E148 Safari/605.1.15", "Firefox", Some(140), Some("iPhone"), true),
    // Safari: 26 follows 18.
    (MAC_SAFARI, " Version/18.5 Safari/605.1.15", "Safari", Some(18), Some("Mac OSX"), false),
    (IPHONE, " Version/18.5 Mobile/15E148 Safari/604.1", "Safari", Some(18), Some("iPhone"), true),
    (IPHONE, " Version/26.0 Mobile/15E148 Safari/604.1", "Safari", Some(19), Some("iPhone"), true),
    (IPAD, " Version/18.5 Mobile/15E148 Safari/604.1", "Safari", Some(18), Some("iPad"), true),
    // Opera, Samsung Internet, Vivaldi, Yandex.
    (WINDOWS, " Chrome/137.0.0.0 Safari/537.36 OPR/121.0.0.0", "Opera", Some(121), Some("Windows 10"), false),
    (ANDROID, " Chrome/137.0.0.0 Mobile Safari/537.36 OPR/90.0.0.0", "Opera", Some(90), Some("Android"), true),
    (ANDROID, " SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36", "SamsungBrowser", Some(28), Some("Android"), true),
    (WINDOWS, " Chrome/138.0.0.0 Safari/537.36 Vivaldi/7.5.3735.44", "Vivaldi", Some(7), Some("Windows 10"), false),
    (WINDOWS, " Chrome/138.0.0.0 YaBrowser/25.6.0.0 Safari/537.36", "Yandex Browser", Some(25), Some("Windows 10"), false),
    // Web views inside of apps.
    (PIXEL, " Chrome/138.0.7204.63 Mobile Safari/537.36", "Webview", Some(138), Some("Android"), true),
    (PIXEL, " Chrome/138.0.7204.63 Mobile Safari/537.36 Instagram 385.0.0.47.74 Android (35/15; 480dpi)", "Webview", Some(138), Some("Android"), true),
    (PIXEL, " Chrome/138.0.7204.63 Mobile Safari/537.36 [FB_IAB/FB4A;FBAV/517.0.0.34.109;IABMV/1;]", "Webview", Some(138), Some("Android"), true),
    (IPHONE, " Mobile/15E148", "Webview", None, Some("iPhone"), true),
    (IPHONE, " Mobile/15E148 [FBAN/FBIOS;FBAV/517.0.0.34.109;FBDV/iPhone15,2;FBSN/iOS]", "Webview", None, Some("iPhone"), true),
    (IPHONE, " GSA/375.0.773378385 Mobile/15E148 Safari/604.1", "Google Search App", Some(375), Some("iPhone"), true),
    // Other programs have a fingerprint too.
    ("curl/8.14.1", "", "curl", Some(8), None, false),
    ("Wget/1.25.0", "", "Wget", Some(1), None, false),
    ("okhttp/4.12.0", "", "okhttp", Some(4), None, false),
    ("python-requests/2.32.4", "", "python-requests", Some(2), None, false),
    ("MyApp/5.2 CFNetwork/1568.200.51 Darwin/24.1.0", "", "MyApp", Some(5), Some("iOS"), false),
    ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "", "Googlebot", None, None, false),
    ("node", "", "node", None, None, false),
    ("/", "", "/", None, None, false),
    ("ラジオ/3", "", "ラジオ", Some(3), None, false),
];

#[test]
fn each_browser_is_recognised() {
    for (beginning, end, family, major, operating_system, mobile) in SAMPLES {
        let agent = format!("{beginning}{end}");
        let guest = Guest::with_safari().sends(evidence::USER_AGENT, &agent);
        let Signals { family: f, major: m, operating_system: o, mobile: p, .. } = guest.signals().unwrap();
        assert_eq!((f, m, o, p), (*family, *major, *operating_system, *mobile), "{agent}");
    }
}

#[test]
fn client_hints_agree_on_mobile_and_change_nothing_else() {
    let plain = Guest::with_safari().sends(evidence::USER_AGENT, crate::fingerprint_support::CHROME);
    let hinting = Guest::with_chrome();
    let (plain, hinting) = (plain.signals().unwrap(), hinting.signals().unwrap());
    assert_eq!((plain.family, plain.major, plain.mobile), (hinting.family, hinting.major, hinting.mobile));
    assert_eq!((plain.brand, plain.platform), (None, None));
    assert_eq!((hinting.brand, hinting.platform), (Some("Google Chrome"), Some("Windows")));

    let liar = Guest::with_chrome().sends(evidence::SEC_CH_UA_MOBILE, "?1");
    assert!(liar.signals().unwrap().mobile);
}
