//! Panics of handlers become answers. A panic takes the request with it, and what stands between the handler and the edge
//! (headers of limits, of CORS) is told by the answer's request: so enough is kept of each to make another one.

use std::{any::Any, panic::AssertUnwindSafe};

use actix_web::{
    Error, HttpMessage as _,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{
        Method, StatusCode, Uri,
        header::{self, HeaderValue},
    },
    middleware::Next,
    test::TestRequest,
    web,
};
use futures_util::FutureExt as _;
use thiserror::Error;

use crate::{
    app::App,
    http::{limits::Standing, problem::Problem},
    openapi,
};

/// What it said, for the log.
#[derive(Debug, Error)]
#[error("a handler panicked: {0}")]
struct Panic(String);

/// The request of an answer was made in the place of one that a panic took.
struct Fallen;

/// What is kept of a request. All of it is shared or small.
struct Kept {
    method: Method,
    uri: Uri,
    origin: Option<HeaderValue>,
    app: Option<web::Data<App>>,
    standing: Option<Standing>,
}

/// The innermost middleware: what stands further outside does not learn that there was no answer.
pub async fn panics<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    caught(request, next).await
}

/// Goes on with a request, and answers if there is a panic.
pub(super) async fn caught<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let kept = Kept::of(&request);
    match AssertUnwindSafe(next.call(request)).catch_unwind().await {
        Ok(response) => Ok(response?.map_into_boxed_body()),
        Err(panic) => Ok(kept.answer(&*panic)),
    }
}

/// The pattern of the route that gave an answer, if one did.
pub(super) fn route(response: &ServiceResponse<BoxBody>) -> Option<String> {
    let request = response.request();
    if request.extensions().contains::<Fallen>() {
        openapi::pattern(request.path()).map(str::to_owned)
    } else {
        request.match_pattern()
    }
}

impl Kept {
    fn of(request: &ServiceRequest) -> Self {
        Self {
            method: request.method().clone(),
            uri: request.uri().clone(),
            origin: request.headers().get(header::ORIGIN).cloned(),
            app: request.app_data::<web::Data<App>>().cloned(),
            standing: request.extensions().get::<Standing>().cloned(),
        }
    }

    /// The worker goes on.
    fn answer(self, panic: &(dyn Any + Send)) -> ServiceResponse<BoxBody> {
        let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        let cause = Panic(text.unwrap_or("of another kind").to_owned());
        let problem = Problem { cause: Some(Box::new(cause)), ..Problem::of_status(StatusCode::INTERNAL_SERVER_ERROR) };
        // There is no other way to make a request by hand.
        let mut request = TestRequest::default().method(self.method);
        if let Some(app) = self.app {
            request = request.app_data(app);
        }
        let mut request = request.to_srv_request();
        request.head_mut().uri = self.uri;
        if let Some(origin) = self.origin {
            request.headers_mut().insert(header::ORIGIN, origin);
        }
        if let Some(standing) = self.standing {
            request.extensions_mut().insert(standing);
        }
        request.extensions_mut().insert(Fallen);
        request.error_response(problem)
    }
}
