//! The routes of a listener, apart from what is done with them.

use shared_types::{Endpoint, Method};

use super::{api_error::ApiError, request_context::RequestContext};

/// A handler of the endpoint `E`.
pub trait EndpointHandler<S, E: Endpoint, F>:
    AsyncFn(&S, &mut RequestContext<'_>, E::Path, E::Request) -> Result<E::Response, F> + Copy + 'static
{
}

impl<S, E: Endpoint, F, H> EndpointHandler<S, E, F> for H where
    H: AsyncFn(&S, &mut RequestContext<'_>, E::Path, E::Request) -> Result<E::Response, F> + Copy + 'static
{
}

/// What routes are added to: a [`RouteTable`](super::RouteTable), which serves them, or a [`RouteList`].
pub trait Routes<S, P>: Sized {
    /// Adds the endpoint `E`, on all its paths, with its handler. The version segment is case-insensitive: `/v1` and `/V1`.
    fn on<E, F, H>(self, handler: H) -> Self
    where
        E: Endpoint,
        F: ApiError,
        H: EndpointHandler<S, E, F>;
}

/// The methods and paths of routes, to compare them with their documentation.
#[derive(Clone, Debug, Default)]
pub struct RouteList(pub Vec<(Method, &'static str)>);

impl<S, P> Routes<S, P> for RouteList {
    fn on<E, F, H>(mut self, _handler: H) -> Self
    where
        E: Endpoint,
        F: ApiError,
        H: EndpointHandler<S, E, F>,
    {
        let paths = std::iter::once(&E::PATH).chain(E::OTHER_PATHS);
        self.0.extend(paths.map(|path| (E::METHOD, *path)));
        self
    }
}
