//! Path patterns: fixed segments, parameters in braces, and at the end `{*name}` for any rest. The leading version segment
//! is case-insensitive.

use serde::de::{DeserializeOwned, value::MapDeserializer};

/// A path pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern {
    /// As written in the route table.
    pub(crate) text: String,
    segments: Vec<Segment>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    /// `/v1` and `/V1`.
    Version(String),
    Fixed(String),
    Parameter(String),
    /// One or more segments, which may be empty. Not a parameter: its handler reads the path.
    Rest,
}

/// Maximum number of segments in a pattern.
const MAX_SEGMENTS: usize = 8;

/// A path split into segments, once for all patterns.
pub(crate) struct Segments<'a> {
    /// The first segments; all, unless there are more.
    all: [&'a str; MAX_SEGMENTS],
    count: usize,
}

impl<'a> Segments<'a> {
    /// `None` if the path does not begin with a slash.
    pub(crate) fn of(path: &'a str) -> Option<Self> {
        let mut segments = Self { all: [""; MAX_SEGMENTS], count: 0 };
        for segment in path.strip_prefix('/')?.split('/') {
            if let Some(place) = segments.all.get_mut(segments.count) {
                *place = segment;
            }
            segments.count += 1;
        }
        Some(segments)
    }
}

/// Path parameters, by name.
pub(crate) type Parameters<'a> = Vec<(&'a str, &'a str)>;

impl Pattern {
    pub(crate) fn new(text: &str) -> Self {
        let segment = |(place, segment): (usize, &str)| {
            if segment.starts_with("{*") {
                return Segment::Rest;
            }
            let parameter = segment.strip_prefix('{').and_then(|name| name.strip_suffix('}'));
            match parameter {
                Some(name) => Segment::Parameter(name.to_owned()),
                None if place == 0 && segment.starts_with(['v', 'V']) => Segment::Version(segment.to_owned()),
                None => Segment::Fixed(segment.to_owned()),
            }
        };
        let segments = text.trim_start_matches('/').split('/').enumerate().map(segment).collect();
        Self { text: text.to_owned(), segments }
    }

    /// Matches a path and returns its parameters.
    pub(crate) fn read<'a>(&'a self, path: &Segments<'a>) -> Option<Parameters<'a>> {
        let has_rest = matches!(self.segments.last(), Some(Segment::Rest));
        if path.count < self.segments.len() || (path.count > self.segments.len() && !has_rest) {
            return None;
        }
        let mut parameters = Vec::new();
        for (segment, given) in self.segments.iter().zip(path.all) {
            match segment {
                Segment::Version(version) if version.eq_ignore_ascii_case(given) => {}
                Segment::Fixed(text) if text == given => {}
                Segment::Rest => {}
                Segment::Parameter(name) if !given.is_empty() => parameters.push((name.as_str(), given)),
                Segment::Version(_) | Segment::Fixed(_) | Segment::Parameter(_) => return None,
            }
        }
        Some(parameters)
    }
}

/// Deserializes path parameters; `None` if one is malformed.
pub(crate) fn typed<P: DeserializeOwned>(parameters: Parameters<'_>) -> Option<P> {
    P::deserialize(MapDeserializer::<_, serde::de::value::Error>::new(parameters.into_iter())).ok()
}

#[cfg(test)]
mod tests {
    use shared_types::{federated_auth::AccountPath, orchestrator::NoParameters};

    use super::*;

    #[test]
    fn a_path_is_read_whole() {
        let pattern = Pattern::new("/v1/Accounts/{account_sid}/Tokens");
        let read = |path| Segments::of(path).and_then(|segments| pattern.read(&segments));
        for path in ["/v1/Accounts/x/Tokens", "/V1/Accounts/x/Tokens"] {
            assert_eq!(read(path), Some(vec![("account_sid", "x")]));
        }
        for path in [
            "",
            "/",
            "v1/Accounts/x/Tokens",
            "//v1/Accounts/x/Tokens",
            "/v2/Accounts/x/Tokens",
            "/v1/accounts/x/Tokens",
            "/v1/Accounts//Tokens",
            "/v1/Accounts/x/Tokens/",
            "/v1/Accounts/x/Tokens/refresh",
            "/v1/Accounts/x",
            "/1/2/3/4/5/6/7/8/9",
        ] {
            assert_eq!(read(path), None, "{path}");
        }
    }

    #[test]
    fn a_rest_is_any_path_behind_the_prefix() {
        let pattern = Pattern::new("/v2/Webchat/Authorize/{*path}");
        let read = |path: &str| {
            let parameters = Segments::of(path).and_then(|segments| pattern.read(&segments));
            parameters.map(|parameters| parameters.len())
        };
        for path in ["", "a", "a/b", "/", "//", "..", "1/2/3/4/5/6/7/8/9/10", "%2e"] {
            for prefix in ["/v2/Webchat/Authorize/", "/V2/Webchat/Authorize/"] {
                assert_eq!(read(&format!("{prefix}{path}")), Some(0), "{path}");
            }
        }
        for path in [
            "/v2/Webchat/Authorize",
            "/v2/Webchat/Authorized/a",
            "/v2/webchat/Authorize/a",
            "/v2//Webchat/Authorize/a",
            "/v2/Webchat/%41uthorize/a",
            "/v2/Webchat",
        ] {
            assert_eq!(read(path), None, "{path}");
        }
    }

    #[test]
    fn parameters_are_typed() {
        let sid = "AC00000000000000000000000000000001";
        let path: AccountPath = typed(vec![("account_sid", sid)]).unwrap();
        assert_eq!(path.account_sid.to_string(), sid);
        assert!(typed::<AccountPath>(vec![("account_sid", "AC1")]).is_none());
        assert!(typed::<AccountPath>(Vec::new()).is_none());
        assert!(typed::<NoParameters>(Vec::new()).is_some());
    }
}
