//! Who is calling: a bearer token, or the cookie of a browser.

use std::{future::Future, pin::Pin};

use actix_web::{FromRequest, HttpRequest, dev::Payload, http::header, web};
use lyceum_application::{Error, sessions};
use lyceum_domain::policy::Actor;

use crate::{
    app::App,
    http::{client::client, cookies, limits::count_user, problem::Problem},
};

/// A signed-in user; a handler that asks for one is closed to everybody else.
#[derive(Debug, Clone)]
pub struct Caller(pub sessions::Caller);

impl Caller {
    /// As policy sees them.
    pub fn actor(&self) -> Actor {
        self.0.actor()
    }
}

/// Anybody, signed in or not.
#[derive(Debug, Clone)]
pub struct Visitor(pub Actor);

enum Credential {
    Bearer(String),
    Cookie(String),
}

fn credential(app: &App, request: &HttpRequest) -> Result<Option<Credential>, Problem> {
    let mut sent = request.headers().get_all(header::AUTHORIZATION);
    if let Some(value) = sent.next() {
        // Of two it could not be said which one another station on the way believed.
        if sent.next().is_some() {
            return Err(Error::InvalidToken.into());
        }
        let token = value.to_str().ok().and_then(|text| {
            let (scheme, token) = text.split_once(' ')?;
            let token = token.trim();
            (scheme.eq_ignore_ascii_case("bearer") && !token.contains([' ', ','])).then_some(token)
        });
        return match token {
            Some(token) if !token.is_empty() => Ok(Some(Credential::Bearer(token.to_owned()))),
            _ => Err(Error::InvalidToken.into()),
        };
    }
    let name = app.cookies.access_name();
    Ok(request.cookie(name).map(|cookie| Credential::Cookie(cookie.value().to_owned())))
}

fn app(request: &HttpRequest) -> Result<web::Data<App>, Problem> {
    let data = request.app_data::<web::Data<App>>().cloned();
    data.ok_or_else(|| Error::Internal("the application is not set up".to_owned()).into())
}

impl FromRequest for Caller {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let app = app(&request)?;
            let token = match credential(&app, &request)?.ok_or(Error::SignInRequired)? {
                Credential::Bearer(token) => token,
                Credential::Cookie(token) => {
                    cookies::check_origin(&app, &request)?;
                    token
                }
            };
            let caller = app.lyceum.authenticate(&token, client(&request)).await?;
            count_user(&app, &request, caller.user.id).await?;
            Ok(Self(caller))
        })
    }
}

impl FromRequest for Visitor {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    /// A bad bearer token is refused: whoever sends one means to be somebody. A cookie that has run out is only a
    /// browser that was somebody once.
    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let app = app(&request)?;
            let caller = match credential(&app, &request)? {
                None => return Ok(Self(Actor::Anonymous)),
                Some(Credential::Bearer(token)) => app.lyceum.authenticate(&token, client(&request)).await?,
                Some(Credential::Cookie(token)) => match app.lyceum.authenticate(&token, client(&request)).await {
                    Err(Error::InvalidToken | Error::TokenExpired | Error::AccountDisabled) => {
                        return Ok(Self(Actor::Anonymous));
                    }
                    caller => caller?,
                },
            };
            count_user(&app, &request, caller.user.id).await?;
            Ok(Self(caller.actor()))
        })
    }
}
