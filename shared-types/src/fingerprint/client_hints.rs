//! Parsers of the client hints, `Sec-CH-UA*`. Names, system and version come from the User-Agent only, because hints
//! appear and disappear. Hints are separate signals, compared separately, so the two never conflict.

fn after<'a>(text: &'a str, mark: &str) -> Option<&'a str> {
    text.split_once(mark).map(|(_, rest)| rest)
}

/// Parses the decimal number at the start of `text`. `None` if it is missing or exceeds `u16`.
fn number(text: &str) -> Option<u16> {
    text.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// Parses the brand from `Sec-CH-UA`: `"Not)A;Brand";v="8", "Chromium";v="138", "Google Chrome";v="138"` is Google
/// Chrome. Entries may be in any order. `None` without a brand, as in a plain Chromium, which lists only the engine.
pub(super) fn brand(sec_ch_ua: &str) -> Option<&str> {
    let named = |brand: &&str| {
        // The GREASE entry is always "Not A Brand", with arbitrary other characters in between.
        let grease = brand.chars().filter(char::is_ascii_alphabetic).eq("NotABrand".chars());
        !(grease || brand.is_empty() || *brand == ENGINE)
    };
    members(sec_ch_ua).map(|(brand, _)| brand).filter(named).min()
}

/// Parses the engine's major version from `Sec-CH-UA`. Brands number versions differently; all list the engine.
pub(super) fn hinted_version(sec_ch_ua: &str) -> Option<u16> {
    members(sec_ch_ua).find(|(brand, _)| *brand == ENGINE).and_then(|(_, version)| number(version?))
}

/// The only engine with client hints.
const ENGINE: &str = "Chromium";

/// Iterates over a structured-field list of strings, each with its first parameter if that is a string (RFC 9651,
/// section 3.1).
fn members(list: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    let mut rest = list;
    std::iter::from_fn(move || {
        let (brand, after) = string(rest)?;
        rest = after;
        let mut parameter = None;
        while let Some(at) = rest.find([',', '"']) {
            let (_, from) = rest.split_at_checked(at)?;
            if let Some(member) = from.strip_prefix(',') {
                rest = member;
                return Some((brand, parameter));
            }
            let (value, after) = string(from)?;
            parameter = parameter.or(Some(value));
            rest = after;
        }
        rest = "";
        Some((brand, parameter))
    })
}

/// Splits off the next quoted string, still escaped; returns it and the rest.
fn string(text: &str) -> Option<(&str, &str)> {
    let text = after(text, "\"")?;
    let mut escaped = false;
    let end = text.find(|c| {
        let ends = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        ends
    })?;
    let (string, rest) = text.split_at_checked(end)?;
    Some((string, rest.strip_prefix('"')?))
}

/// Parses the operating system from `Sec-CH-UA-Platform`: `"Windows"`.
pub(super) fn platform(sec_ch_ua_platform: &str) -> Option<&str> {
    match string(sec_ch_ua_platform)?.0 {
        "" | "Unknown" => None,
        // Chrome has used both names.
        "Chromium OS" => Some("Chrome OS"),
        platform => Some(platform),
    }
}

/// Parses the boolean of `Sec-CH-UA-Mobile`: `?0` or `?1`.
pub(super) fn mobile(sec_ch_ua_mobile: &str) -> Option<bool> {
    match sec_ch_ua_mobile.trim() {
        "?0" => Some(false),
        "?1" => Some(true),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn arbitrary_text_does_not_panic(text in "\\PC*|[ -~]{0,80}|(\"?[\\\\,;a-z\"]){0,20}") {
            let _ = (brand(&text), hinted_version(&text), platform(&text), mobile(&text));
        }
    }

    #[test]
    fn brand_skips_grease_and_engine() {
        for (list, expected) in [
            (r#""Not)A;Brand";v="8", "Chromium";v="138", "Google Chrome";v="138""#, Some("Google Chrome")),
            (r#""Google Chrome";v="138","Chromium";v="138","Not/A)Brand";v="24""#, Some("Google Chrome")),
            (r#""Brave";v="138", "Not_A Brand";v="99", "Chromium";v="138""#, Some("Brave")),
            (r#""Opera";v="121", "Not?A_Brand";v="8", "Chromium";v="137""#, Some("Opera")),
            (
                r#""Microsoft Edge WebView2";v="138", "Chromium";v="138", "Microsoft Edge";v="138""#,
                Some("Microsoft Edge"),
            ),
            (r#""\\Not\"A;Brand";v="99", "Chromium";v="86", "A, B";v="1,2""#, Some("A, B")),
            (r#"" Not A;Brand";v="99", "Chromium";v="138""#, None),
            (r#""Chromium";v="138""#, None),
            (r#""Unfinished"#, None),
            ("Google Chrome", None),
            ("", None),
        ] {
            assert_eq!(brand(list), expected, "{list}");
        }
    }

    #[test]
    fn hinted_version_is_the_engines() {
        for (list, expected) in [
            (r#""Not)A;Brand";v="8", "Chromium";v="138", "Google Chrome";v="139""#, Some(138)),
            (r#""Opera";v="121", "Chromium";v="137.0.1""#, Some(137)),
            (r#""Chromium";v="a", "Opera";v="121""#, None),
            (r#""Chromium", "Opera";v="121""#, None),
            (r#""Chromium";a=1;v="7""#, Some(7)),
            (r#""Brave";v="138""#, None),
            ("", None),
        ] {
            assert_eq!(hinted_version(list), expected, "{list}");
        }
    }

    #[test]
    fn platform_and_mobile_parse_structured_fields() {
        assert_eq!(platform(r#""macOS""#), Some("macOS"));
        assert_eq!(platform(r#""Chromium OS""#), platform(r#""Chrome OS""#));
        assert_eq!((platform(r#""""#), platform("macOS"), platform(r#""Unknown""#)), (None, None, None));
        assert_eq!(
            (mobile("?1"), mobile("?0"), mobile("1"), mobile("")),
            (Some(true), Some(false), None, None)
        );
    }

    #[test]
    fn number_parses_the_leading_digits() {
        for (text, expected) in
            [("138.0", Some(138)), ("7", Some(7)), ("UNKNOWN", None), ("", None), ("99999.1", None)]
        {
            assert_eq!(number(text), expected, "{text}");
        }
    }
}
