//! The routes of a listener, apart from what is done with them.

use shared_types::{Endpoint, Method};

use super::{RouteTable, access_policy::AccessPolicy, api_error::ApiError, request_context::RequestContext};

/// What routes are added to: a [`RouteTable`], which serves them, or a [`RouteList`].
pub trait Routes<S, P>: Sized {
    /// Adds the endpoint `E` with its handler.
    fn on<E, F, H>(self, handler: H) -> Self
    where
        E: Endpoint,
        F: ApiError,
        H: AsyncFn(&S, &mut RequestContext<'_>, E::Path, E::Request) -> Result<E::Response, F>
            + Copy
            + 'static;
}

impl<S: 'static, P: AccessPolicy> Routes<S, P> for RouteTable<S, P> {
    fn on<E, F, H>(self, handler: H) -> Self
    where
        E: Endpoint,
        F: ApiError,
        H: AsyncFn(&S, &mut RequestContext<'_>, E::Path, E::Request) -> Result<E::Response, F>
            + Copy
            + 'static,
    {
        RouteTable::on::<E, F, H>(self, handler)
    }
}

/// The methods and paths of routes, to compare them with their documentation.
#[derive(Clone, Debug, Default)]
pub struct RouteList(pub Vec<(Method, &'static str)>);

impl<S, P> Routes<S, P> for RouteList {
    fn on<E, F, H>(mut self, _handler: H) -> Self
    where
        E: Endpoint,
        F: ApiError,
        H: AsyncFn(&S, &mut RequestContext<'_>, E::Path, E::Request) -> Result<E::Response, F>
            + Copy
            + 'static,
    {
        let paths = std::iter::once(&E::PATH).chain(E::OTHER_PATHS);
        self.0.extend(paths.map(|path| (E::METHOD, *path)));
        self
    }
}
