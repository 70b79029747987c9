//! Where a request comes from.

use std::{
    convert::Infallible,
    future::{Ready, ready},
};

use actix_web::{FromRequest, HttpMessage, HttpRequest, dev::Payload, http::header};
use lyceum_domain::sessions;

use crate::http::edge::RequestId;

/// Where the request comes from, as far as it can be known.
#[derive(Debug, Clone)]
pub struct Client(pub sessions::Client);

/// What a request tells of where it comes from. The address is that of the connection's other end.
pub fn client(request: &HttpRequest) -> sessions::Client {
    sessions::Client {
        user_agent: request
            .headers()
            .get(header::USER_AGENT)
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()),
        address: request.peer_addr().map(|address| address.ip()),
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
