//! The leanest client that the libraries allow: a free list of connections from one worker to one peer, each used by
//! one request at a time and returned when the response has been read. No pool locks, no deadline, no retry.

use std::{cell::RefCell, net::SocketAddr};

use actix_web::rt;
use http_body_util::{BodyExt, Full};
use hyper::{
    Request,
    body::Bytes,
    client::conn::http1::{self, SendRequest},
    header::{HOST, HeaderMap, HeaderName, HeaderValue},
    http::uri::PathAndQuery,
};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::{Outcome, script::Question};

/// The idle connections of a worker.
pub(crate) struct FreeList {
    peer: SocketAddr,
    idle: RefCell<Vec<SendRequest<Full<Bytes>>>>,
}

/// A prepared request.
pub(crate) struct Ready {
    path: PathAndQuery,
    headers: HeaderMap,
    body: Bytes,
}

impl Ready {
    /// Prepares the request that `question` describes.
    pub(crate) fn new(question: &Question, peer: SocketAddr) -> Self {
        let host = (HOST.to_string(), peer.to_string());
        let headers = [&host].into_iter().chain(&question.headers).filter_map(|(name, value)| {
            Some((HeaderName::try_from(name.as_str()).ok()?, HeaderValue::try_from(value.as_str()).ok()?))
        });
        Self {
            path: PathAndQuery::try_from(question.path.as_str())
                .unwrap_or_else(|_| PathAndQuery::from_static("/")),
            headers: headers.collect(),
            body: Bytes::from(question.body.clone()),
        }
    }
}

impl FreeList {
    /// Starts without connections.
    pub(crate) fn new(peer: SocketAddr) -> Self {
        Self { peer, idle: RefCell::new(Vec::new()) }
    }

    /// Sends the request and reads the whole response. Every status is a response.
    pub(crate) async fn ask(&self, question: &Ready) -> Outcome<()> {
        let idle = self.idle.borrow_mut().pop();
        let mut connection = match idle {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        connection.ready().await?;
        let mut request = Request::post(question.path.clone()).body(Full::new(question.body.clone()))?;
        *request.headers_mut() = question.headers.clone();
        let mut answer = connection.send_request(request).await?.into_body();
        while let Some(frame) = answer.frame().await {
            frame?;
        }
        self.idle.borrow_mut().push(connection);
        Ok(())
    }

    async fn connect(&self) -> Outcome<SendRequest<Full<Bytes>>> {
        let stream = TcpStream::connect(self.peer).await?;
        stream.set_nodelay(true)?;
        let (connection, work) = http1::handshake(TokioIo::new(stream)).await?;
        rt::spawn(async move {
            // If the connection breaks, its request fails.
            let _ = work.await;
        });
        Ok(connection)
    }
}
