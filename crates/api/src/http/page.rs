//! Keyset pages in addresses and bodies.

use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpRequest, dev::Payload, http::StatusCode};
use lyceum_domain::{
    invalid::Invalid,
    page::{Cursor, Page, PageRequest, PageSize},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use utoipa::{IntoParams, ToSchema};

use crate::http::problem::{FieldProblem, Problem};

/// The query of an address; members that are not known are refused.
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned> FromRequest for Query<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let parsed = actix_web::web::Query::<T>::from_query(request.query_string());
        ready(parsed.map(|query| Query(query.into_inner())).map_err(|error| {
            let text = error.to_string();
            let mut problem = Problem::validation_failed();
            problem.detail = "The query of the address is not acceptable; see `errors`.".into();
            let member = text.split('`').nth(1).unwrap_or_default();
            let is_unknown = text.contains("unknown field");
            let (code, message) = if is_unknown {
                problem.code = "unknown_field";
                ("unknown_field", "is not known here".to_owned())
            } else {
                ("malformed", text.rsplit_once("error: ").map_or(text.clone(), |(_, why)| why.to_owned()))
            };
            let pointer = if is_unknown { format!("/{member}") } else { String::new() };
            problem.errors.push(FieldProblem { pointer, code: code.into(), message });
            problem
        }))
    }
}

/// Which page is asked for.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct PageQuery {
    /// How many items, 1 to 100.
    #[param(minimum = 1, maximum = 100, default = 20, value_type = Option<u32>)]
    pub limit: Option<String>,
    /// Where to start: `next_cursor` of the page before.
    pub cursor: Option<String>,
}

impl PageQuery {
    /// Checks both.
    pub fn parse(&self) -> Result<PageRequest, Problem> {
        page_request(self.limit.as_deref(), self.cursor.as_deref())
    }
}

/// Checks `limit` and `cursor`.
pub fn page_request(limit: Option<&str>, cursor: Option<&str>) -> Result<PageRequest, Problem> {
    let size = match limit {
        None => PageSize::default(),
        Some(text) => {
            let out_of_range = Invalid::OutOfRange { min: 1, max: i64::from(PageSize::MAX) };
            let size = text.parse().map_err(|_| out_of_range).and_then(PageSize::parse);
            size.map_err(|invalid| Problem::invalid("/limit", invalid))?
        }
    };
    let after = match cursor {
        None => None,
        Some(text) => Some(Cursor::decode(text).map_err(|_| {
            Problem::new(StatusCode::BAD_REQUEST, "invalid_cursor", "The cursor is not one that this list gave out.")
        })?),
    };
    Ok(PageRequest { size, after })
}

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct PageBody<T> {
    /// The items.
    pub items: Vec<T>,
    /// Where the next page starts; `null` on the last one.
    pub next_cursor: Option<String>,
}

impl<T> PageBody<T> {
    /// A page of bodies from a page of what they show.
    pub fn of<U>(page: Page<U>, body: impl FnMut(U) -> T) -> Self {
        let next_cursor = page.next.map(Cursor::encode);
        Self { items: page.items.into_iter().map(body).collect(), next_cursor }
    }
}
