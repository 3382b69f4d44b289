//! The origin of the page that sent a request (contract, section 5). Browsers send no `Origin` with a same-origin GET; other
//! headers stand for it.

use std::borrow::Cow;

use actix_web::http::header::{ORIGIN, REFERER};
use service_runtime::RequestContext;
use url::Url;

use crate::{accounts::AllowedOrigins, dpop::Target};

/// The browser's word on where a request comes from, which no page can write (Fetch Metadata, section 2).
const SEC_FETCH_SITE: &str = "sec-fetch-site";

/// Sent by every browser that sends [`SEC_FETCH_SITE`].
const SEC_FETCH: [&str; 3] = [SEC_FETCH_SITE, "sec-fetch-mode", "sec-fetch-dest"];

/// The `Origin` of a request; without one, the listed origin that the request was sent to, if the browser says that the page
/// has the same. Browsers that say nothing, since the page has no TLS or they are old, send a `Referer`.
pub(super) fn of_request<'a>(
    context: &RequestContext<'a>,
    allowed: &AllowedOrigins,
    target: &Target<'_>,
) -> Option<Cow<'a, [u8]>> {
    if let Some(origin) = context.header(ORIGIN) {
        return Some(Cow::Borrowed(origin));
    }
    let is_listed = |origin: &String| allowed.allows(origin.as_bytes());
    let origin = if context.header(SEC_FETCH_SITE) == Some(b"same-origin") {
        target.origins().into_iter().find(is_listed)
    } else if SEC_FETCH.iter().all(|name| context.header(*name).is_none()) {
        let referer = context.header(REFERER).and_then(|referer| str::from_utf8(referer).ok());
        referer
            .and_then(|referer| Some(Url::parse(referer).ok()?.origin().ascii_serialization()))
            .filter(is_listed)
    } else {
        None
    };
    origin.map(|origin| Cow::Owned(origin.into_bytes()))
}
