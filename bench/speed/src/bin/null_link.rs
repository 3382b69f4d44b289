//! A link of the null chain: an actix-web server that forwards the body of each request to the next link and returns its
//! response; the last link returns the body. Its client is the leanest that a library allows: hyper connections in a list per
//! worker, without deadlines, retries or locks. Arguments: the address to listen on, and that of the next link.

use std::{cell::RefCell, env, error::Error, net::SocketAddr};

use actix_web::{App, HttpResponse, HttpServer, error::ErrorBadGateway, http::header::ContentType, rt, web};
use http_body_util::{BodyExt as _, Full};
use hyper::{Request, body::Bytes, client::conn::http1};
use hyper_util::rt::TokioIo;
use service_runtime::allocator::Allocator;
use tokio::net::TcpStream;

#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

struct Link {
    next: Option<SocketAddr>,
    idle: RefCell<Vec<http1::SendRequest<Full<Bytes>>>>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let addresses = env::args().skip(1).map(|address| address.parse());
    let mut addresses = addresses.collect::<Result<Vec<SocketAddr>, _>>()?.into_iter();
    let (listen, next) = (addresses.next().ok_or("no address to listen on")?, addresses.next());
    let app = move || {
        let link = web::Data::new(Link { next, idle: RefCell::default() });
        App::new().app_data(link).default_service(web::to(respond))
    };
    Ok(rt::System::new().block_on(HttpServer::new(app).workers(2).bind(listen)?.run())?)
}

async fn respond(link: web::Data<Link>, body: Bytes) -> actix_web::Result<HttpResponse> {
    let body = match link.next {
        Some(next) => link.call(next, body).await.map_err(|error| ErrorBadGateway(error.to_string()))?,
        None => body,
    };
    Ok(HttpResponse::Ok().content_type(ContentType::json()).body(body))
}

impl Link {
    /// Sends the body to the next link; returns the body of its response.
    async fn call(&self, next: SocketAddr, body: Bytes) -> Result<Bytes, Box<dyn Error>> {
        // The next link closes connections that were idle between two rounds.
        let idle = self.idle.borrow_mut().pop().filter(|connection| !connection.is_closed());
        let mut connection = match idle {
            Some(connection) => connection,
            None => connect(next).await?,
        };
        connection.ready().await?;
        let request = Request::post("/v1/ScopedAuthTokens/validate").header("host", "127.0.0.1");
        let request = request.header("content-type", "application/json").body(Full::new(body))?;
        let body = connection.send_request(request).await?.into_body().collect().await?.to_bytes();
        self.idle.borrow_mut().push(connection);
        Ok(body)
    }
}

async fn connect(address: SocketAddr) -> Result<http1::SendRequest<Full<Bytes>>, Box<dyn Error>> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (connection, work) = http1::handshake(TokioIo::new(stream)).await?;
    // If the connection breaks, its request fails.
    rt::spawn(work);
    Ok(connection)
}
