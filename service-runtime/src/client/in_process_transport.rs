//! Requests to a service in this process.

use std::rc::Rc;

use actix_web::http::header;
use shared_types::Endpoint;

use super::upstream_error::UpstreamError;
use crate::{
    http::ServiceCredential,
    in_process::{Caller, Handlers, InProcess},
};

pub(super) struct InProcessTransport {
    callee: InProcess,
    handlers: Rc<Handlers>,
    pub(super) headers: header::HeaderMap,
}

impl InProcessTransport {
    pub(super) fn new(callee: &InProcess, credential: Option<&ServiceCredential>) -> Self {
        let mut headers = header::HeaderMap::new();
        let value = credential.and_then(|known| header::HeaderValue::from_bytes(known.header()).ok());
        if let Some(value) = value {
            headers.insert(header::AUTHORIZATION, value);
        }
        Self { callee: callee.clone(), handlers: (callee.make)(), headers }
    }

    pub(super) async fn exchange<E: Endpoint>(
        &self,
        peer: &'static str,
        caller: Caller<'_>,
        (path, parameters): (&str, E::Path),
        fields: &E::Request,
    ) -> Result<E::Response, UpstreamError> {
        let handler = self.handlers.of::<E>().ok_or_else(|| {
            let what = format!("no handler for {}", E::NAME);
            UpstreamError::Invalid { peer, what }
        })?;
        self.callee.observe_request::<E>(path, fields);
        let response = handler(caller, path, parameters, fields.clone()).await;
        self.callee.observe_response::<E>(&response);
        response.map_err(|body| UpstreamError::Refused { peer, body })
    }
}
