//! The options of a proxy's request: `audience`, and `only=401,403`. In the query of exactly the endpoint's path; with a
//! path behind it, the query is the guest's, and the options are in a header.

use std::borrow::Cow;

use service_runtime::RequestContext;
use shared_types::orchestrator::authorize::OPTIONS;
use url::form_urlencoded;

use super::{Malformed, path_behind};

/// The options.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options<'a> {
    /// The audience of the assertion that the proxy asks for.
    pub audience: Option<Cow<'a, str>>,
    /// Whether the proxy passes on refusals with status 401 and 403 only. nginx makes a 500 of any other.
    pub only_401_and_403: bool,
}

impl<'a> Options<'a> {
    /// Reads the options. Unknown ones are errors: a proxy that passes on the guest's query fails at once, instead of
    /// letting the guest choose the options.
    pub fn read(context: &RequestContext<'a>) -> Result<Self, Malformed> {
        let text = if path_behind(context.path).is_none() {
            context.query.as_bytes()
        } else {
            let mut values = context.header_values(OPTIONS);
            match (values.next(), values.next()) {
                (value, None) => value.unwrap_or_default(),
                (_, Some(_)) => return Err(Malformed { field: OPTIONS, reason: "expected one value" }),
            }
        };
        let (mut options, mut has_only) = (Self::default(), false);
        for (name, value) in form_urlencoded::parse(text) {
            match &*name {
                "audience" if options.audience.is_none() && !value.is_empty() => {
                    options.audience = Some(value);
                }
                "audience" => {
                    return Err(Malformed { field: "audience", reason: "expected one audience" });
                }
                "only" if !has_only && value == "401,403" => {
                    (options.only_401_and_403, has_only) = (true, true);
                }
                "only" => return Err(Malformed { field: "only", reason: "expected `401,403`, once" }),
                _ => {
                    let reason = "expected `audience` and `only`, and not the guest's query";
                    return Err(Malformed { field: "options", reason });
                }
            }
        }
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
    use service_runtime::{Clock, random::Random};

    use super::*;

    const PATH: &str = "/v2/Webchat/Authorize";

    /// The options of a request with this path, query and options headers: audience and `only`, or the wrong field.
    fn read(path: &str, query: &str, headers: &[&str]) -> Result<(Option<String>, bool), &'static str> {
        let mut map = HeaderMap::new();
        for value in headers {
            map.append(HeaderName::from_static(OPTIONS), HeaderValue::from_str(value).unwrap());
        }
        let mut context =
            RequestContext::new(&map, None, &Clock::system(), &Random::default()).of("GET", path);
        context.query = query;
        let options = Options::read(&context).map_err(|malformed| malformed.field)?;
        Ok((options.audience.map(Cow::into_owned), options.only_401_and_403))
    }

    #[test]
    fn options_are_in_the_query_of_exactly_the_path() {
        let audience = || Some("https://api.example.com".to_owned());
        for (query, expected) in [
            ("", Ok((None, false))),
            ("only=401,403", Ok((None, true))),
            ("only=401%2C403", Ok((None, true))),
            ("audience=https://api.example.com", Ok((audience(), false))),
            ("only=401,403&audience=https%3A%2F%2Fapi.example.com", Ok((audience(), true))),
            ("only=401", Err("only")),
            ("only=", Err("only")),
            ("only=403,401", Err("only")),
            ("only=401,403&only=401,403", Err("only")),
            ("audience=", Err("audience")),
            ("audience=a&audience=a", Err("audience")),
            ("q=shoes", Err("options")),
            ("Audience=a", Err("options")),
            ("only=401,403&q", Err("options")),
        ] {
            assert_eq!(read(PATH, query, &[]), expected, "{query}");
            assert_eq!(read(PATH, query, &["audience=forged"]), expected, "{query}: no header counts");
            assert_eq!(read("/V2/Webchat/Authorize/x", "q=shoes", &[query]), expected, "{query}");
        }
    }

    #[test]
    fn options_in_the_guests_query_do_not_count() {
        let guests = "only=401,403&audience=forged";
        for path in ["/v2/Webchat/Authorize/", "/v2/Webchat/Authorize/a/b"] {
            assert_eq!(read(path, guests, &[]), Ok((None, false)));
            assert_eq!(read(path, guests, &["audience=a"]), Ok((Some("a".into()), false)));
            assert_eq!(read(path, guests, &["audience=a", "audience=a"]), Err(OPTIONS));
        }
    }
}
