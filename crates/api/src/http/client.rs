//! Where a request comes from.

mod hops;
mod proxies;
#[cfg(test)]
mod tests;

use std::{
    convert::Infallible,
    future::{Ready, ready},
    net::IpAddr,
};

use actix_web::{FromRequest, HttpMessage, HttpRequest, dev::Payload, http::header, web};
use lyceum_domain::sessions;

pub use self::proxies::Proxies;
use crate::{app::App, http::edge::RequestId};

/// Where the request comes from, as far as it can be known.
#[derive(Debug, Clone)]
pub struct Client(pub sessions::Client);

/// The address of the client, found out once for each request.
#[derive(Debug, Clone, Copy)]
struct Address(Option<IpAddr>);

/// The address of the client: that of the connection's other end, or what trusted proxies say of who is behind them.
pub fn address(request: &HttpRequest) -> Option<IpAddr> {
    if let Some(known) = request.extensions().get::<Address>() {
        return known.0;
    }
    let peer = request.peer_addr().map(|peer| peer.ip().to_canonical());
    let app = request.app_data::<web::Data<App>>();
    let address = peer.map(|peer| app.map_or(peer, |app| app.proxies.client(peer, request.headers())));
    request.extensions_mut().insert(Address(address));
    address
}

/// What a request tells of where it comes from.
pub fn client(request: &HttpRequest) -> sessions::Client {
    sessions::Client {
        user_agent: request
            .headers()
            .get(header::USER_AGENT)
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()),
        address: address(request),
        request_id: request.extensions().get::<RequestId>().map(|id| id.0.to_string()),
    }
}

impl FromRequest for Client {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self(client(request))))
    }
}
