//! The effect of an update on a browser's headers: versions rise, Sec-CH-UA is shuffled and gets another GREASE entry,
//! a content coding is added. Versions are found by their product tokens, without any user-agent parser.

use crate::population::HeaderSet;

/// Products whose version is the browser's, anywhere in a User-Agent. An iPad's or a Mac's `Version/` is Safari's, but
/// a web view's is always 4.0.
const PRODUCTS: [&str; 9] =
    ["Chrome/", "CriOS/", "Edg/", "EdgA/", "EdgiOS/", "OPR/", "Firefox/", "FxiOS/", "rv:"];
const SAFARI: &str = "Version/";

/// Versions that an update of the operating system changes. Those of Windows, of a Mac and of Chrome's Android are
/// frozen.
const SYSTEMS: [&str; 3] = ["iPhone OS ", "CPU OS ", "(Android "];

/// The same browser `by` major versions later; `None` if it sends no version.
pub(crate) fn updated(set: &HeaderSet, by: u16) -> Option<HeaderSet> {
    if is_safari(set) {
        // 26 followed 18.
        let counted = |major: u16| if major >= 26 { major - 7 } else { major };
        let named = |count: u16| if count > 18 { count + 7 } else { count };
        return with_majors(set, &|major| named(counted(major) + by));
    }
    with_majors(set, &|major| major + by)
}

/// The same browser at the version `major`.
pub(crate) fn at_version(set: &HeaderSet, major: u16) -> Option<HeaderSet> {
    with_majors(set, &|_| major)
}

pub(crate) fn is_safari(set: &HeaderSet) -> bool {
    let shows = |product: &str| set.user_agent.contains(product);
    shows(SAFARI) && !PRODUCTS.into_iter().any(shows)
}

/// The same browser after an update of its operating system; `None` if that changes no header.
pub(crate) fn on_next_system(set: &HeaderSet) -> Option<HeaderSet> {
    let mut user_agent = set.user_agent.clone();
    for system in SYSTEMS {
        user_agent = with_number_after(&user_agent, system, &|version| version + 1);
    }
    (user_agent != set.user_agent).then(|| HeaderSet { user_agent, ..set.clone() })
}

/// Sec-CH-UA after an update: another order, and another GREASE entry.
pub(crate) fn shuffled(sec_ch_ua: &str) -> String {
    let (mut grease, mut brands): (Vec<&str>, Vec<&str>) =
        sec_ch_ua.split(", ").partition(|entry| is_grease(entry));
    brands.reverse();
    let fresh = r#""Not_A Brand";v="24""#;
    let other = r#""Not)A;Brand";v="99""#;
    let next = if grease.pop() == Some(fresh) { other } else { fresh };
    brands.insert(brands.len().min(1), next);
    brands.join(", ")
}

fn with_majors(set: &HeaderSet, major: &dyn Fn(u16) -> u16) -> Option<HeaderSet> {
    let products: &[&str] = if is_safari(set) { &[SAFARI] } else { &PRODUCTS };
    let mut user_agent = set.user_agent.clone();
    for product in products {
        user_agent = with_number_after(&user_agent, product, major);
    }
    let hint = |entry: &str| match is_grease(entry) {
        true => entry.to_owned(),
        false => with_number_after(entry, ";v=\"", major),
    };
    let sec_ch_ua =
        set.sec_ch_ua.as_deref().map(|list| list.split(", ").map(hint).collect::<Vec<_>>().join(", "));
    (user_agent != set.user_agent).then(|| HeaderSet { user_agent, sec_ch_ua, ..set.clone() })
}

/// `text` with the number after `mark` replaced, if both are there.
fn with_number_after(text: &str, mark: &str, number: &dyn Fn(u16) -> u16) -> String {
    let Some((before, after)) = text.split_once(mark) else { return text.to_owned() };
    let rest = after.trim_start_matches(|c: char| c.is_ascii_digit());
    match after.strip_suffix(rest).and_then(|digits| digits.parse().ok()) {
        Some(was) => format!("{before}{mark}{}{rest}", number(was)),
        None => text.to_owned(),
    }
}

fn is_grease(entry: &str) -> bool {
    let name = entry.split(";v=").next().unwrap_or(entry);
    name.chars().filter(char::is_ascii_alphabetic).eq("NotABrand".chars())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(user_agent: &str, sec_ch_ua: Option<&str>) -> HeaderSet {
        HeaderSet {
            user_agent: user_agent.to_owned(),
            sec_ch_ua: sec_ch_ua.map(str::to_owned),
            sec_ch_ua_mobile: None,
            sec_ch_ua_platform: None,
            accept_encoding: None,
        }
    }

    #[test]
    fn an_update_raises_every_browser_version_only() {
        for (was, is) in [
            (
                "X AppleWebKit/537.36 Chrome/99.0.0.0 Safari/537.36",
                "X AppleWebKit/537.36 Chrome/100.0.0.0 Safari/537.36",
            ),
            ("Chrome/147.0.0.0 Safari/537.36 Edg/147.0.0.0", "Chrome/148.0.0.0 Safari/537.36 Edg/148.0.0.0"),
            ("(X11; rv:146.0) Gecko/20100101 Firefox/146.0", "(X11; rv:147.0) Gecko/20100101 Firefox/147.0"),
            (
                "OS 18_7 Version/18.6 Mobile/15E148 Safari/604.1",
                "OS 18_7 Version/26.6 Mobile/15E148 Safari/604.1",
            ),
            ("Version/26.3 Safari/605.1.15", "Version/27.3 Safari/605.1.15"),
            ("Version/4.0 Chrome/138.0.0.0 Safari/537.36", "Version/4.0 Chrome/139.0.0.0 Safari/537.36"),
        ] {
            assert_eq!(updated(&set(was, None), 1).unwrap().user_agent, is);
        }
        assert_eq!(updated(&set("Mozilla/5.0", None), 1), None);
    }

    #[test]
    fn an_update_raises_client_hints_but_not_grease() {
        let chrome = set(
            "Chrome/147.0.0.0",
            Some(r#""Google Chrome";v="147", "Not.A/Brand";v="8", "Chromium";v="147""#),
        );
        let hints = updated(&chrome, 2).unwrap().sec_ch_ua.unwrap();
        assert_eq!(hints, r#""Google Chrome";v="149", "Not.A/Brand";v="8", "Chromium";v="149""#);
        assert_eq!(shuffled(&hints), r#""Chromium";v="149", "Not_A Brand";v="24", "Google Chrome";v="149""#);
        assert_ne!(shuffled(&shuffled(&hints)), hints);
    }

    #[test]
    fn a_system_update_changes_only_unfrozen_versions() {
        let iphone = set("(iPhone; CPU iPhone OS 18_7 like Mac OS X) Version/26.3", None);
        assert!(on_next_system(&iphone).unwrap().user_agent.contains("iPhone OS 19_7"));
        assert_eq!(on_next_system(&set("(Linux; Android 10; K) Chrome/147.0.0.0", None)), None);
        assert_eq!(on_next_system(&set("(Macintosh; Intel Mac OS X 10_15_7) Version/26.3", None)), None);
    }
}
