//! The OpenAPI 3.1 document, made from the routes themselves.

mod limits;
mod refusals;
mod request_ids;
mod texts;

use std::sync::LazyLock;

use actix_web::{
    App as ActixApp, HttpRequest, HttpResponse,
    dev::ResourceDef,
    http::{Method, StatusCode, header},
};
use utoipa::{
    Modify, OpenApi as _,
    openapi::{
        HttpMethod, OpenApi,
        path::{Operation, PathItem},
        security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};
use utoipa_actix_web::AppExt;

use crate::{
    http::{cookies, problem::ProblemBody},
    routes::{
        self,
        mentor::{DeltaBody, DoneBody, StartBody},
        openai::errors::ErrorBody,
    },
};

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Lyceum",
        description = "The back end of AI-mentored learning. Errors are `application/problem+json` (RFC 9457) with a \
                       stable `code`; lists are keyset pages; times are RFC 3339 in UTC.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
    ),
    tags(
        (name = "auth", description = "Registering and signing in"),
        (name = "users", description = "One's account"),
        (name = "admin", description = "Everybody's accounts, and what happened to them"),
        (name = "courses", description = "The catalogue"),
        (name = "progress", description = "Learning"),
        (name = "subjects", description = "One's own subjects and documents"),
        (name = "mentor", description = "Asking, and one's conversations"),
        (name = "operation", description = "Running it"),
    ),
    components(schemas(ProblemBody, ErrorBody<'_>, StartBody, DeltaBody, DoneBody)),
    modifiers(&Conventions),
)]
struct Document;

/// What holds for every operation.
struct Conventions;

impl Modify for Conventions {
    fn modify(&self, openapi: &mut OpenApi) {
        let components = openapi.components.get_or_insert_default();
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
        let cookie = |name| SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new(name)));
        components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
        components.add_security_scheme("cookie", cookie(cookies::ACCESS));
        components.add_security_scheme("refresh_cookie", cookie(cookies::REFRESH));
    }
}

/// The document.
pub fn document() -> OpenApi {
    let (_, mut openapi) = ActixApp::new()
        .into_utoipa_app()
        .openapi(Document::openapi())
        .service(utoipa_actix_web::scope("/api/v1").configure(routes::document_v1))
        .configure(routes::document_root)
        .split_for_parts();
    env!("CARGO_PKG_VERSION").clone_into(&mut openapi.info.version);
    texts::describe(&mut openapi);
    let components = openapi.components.get_or_insert_default();
    for (path, item) in &mut openapi.paths.paths {
        for (method, operation) in operations(item) {
            refusals::complete(path, &method, operation, components);
        }
    }
    limits::describe(&mut openapi);
    request_ids::describe(&mut openapi);
    openapi
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = (HttpMethod, &mut Operation)> {
    let all = [
        (HttpMethod::Get, &mut item.get),
        (HttpMethod::Put, &mut item.put),
        (HttpMethod::Post, &mut item.post),
        (HttpMethod::Delete, &mut item.delete),
        (HttpMethod::Patch, &mut item.patch),
    ];
    all.into_iter().filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

/// The document as JSON.
pub fn json() -> Result<String, serde_json::Error> {
    document().to_pretty_json()
}

/// The document as it is served; made when somebody first asks for it.
pub static SERVED: LazyLock<String> = LazyLock::new(|| document().to_json().unwrap_or_default());

/// Which methods there are at which address, from the document: it knows every route. Made at the first request that
/// no route takes.
static METHODS: LazyLock<Vec<(ResourceDef, Vec<Method>)>> = LazyLock::new(|| {
    let paths = document().paths.paths.into_iter().map(|(path, item)| {
        let methods = [
            (item.get.is_some(), Method::GET),
            (item.get.is_some(), Method::HEAD),
            (item.put.is_some(), Method::PUT),
            (item.post.is_some(), Method::POST),
            (item.delete.is_some(), Method::DELETE),
            (item.patch.is_some(), Method::PATCH),
        ];
        let methods = methods.into_iter().filter_map(|(is_there, method)| is_there.then_some(method));
        // The path of a file has slashes in it.
        (ResourceDef::new(path.replace("{path}", "{path:.+}")), methods.collect())
    });
    paths.collect()
});

/// The pattern of the routes at an address, from the document.
pub fn pattern(path: &str) -> Option<&'static str> {
    METHODS.iter().find(|(resource, _)| resource.is_match(path))?.0.pattern()
}

/// What no route took: 405 where another method would have been taken, else 404. The edge writes the body.
pub async fn unrouted(request: HttpRequest) -> HttpResponse {
    let here = METHODS.iter().filter(|(resource, _)| resource.is_match(request.path()));
    let methods: Vec<_> = here.flat_map(|(_, methods)| methods).collect();
    if methods.is_empty() {
        return HttpResponse::new(StatusCode::NOT_FOUND);
    }
    let allow = methods.iter().map(|method| method.as_str()).collect::<Vec<_>>().join(", ");
    HttpResponse::MethodNotAllowed().insert_header((header::ALLOW, allow)).finish()
}

/// The page at `/docs`, with everything it needs in the binary.
#[cfg(feature = "docs-ui")]
pub fn page(config: &mut actix_web::web::ServiceConfig) {
    use actix_web::web;
    use utoipa_swagger_ui::{Config, SwaggerUi};
    config
        .service(web::redirect("/docs", "/docs/"))
        .service(SwaggerUi::new("/docs/{_:.*}").config(Config::from("/openapi.json").try_it_out_enabled(true)));
}

/// Built without the page.
#[cfg(not(feature = "docs-ui"))]
pub fn page(_: &mut actix_web::web::ServiceConfig) {}

#[cfg(test)]
mod tests;
