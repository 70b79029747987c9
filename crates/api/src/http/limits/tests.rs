//! What is counted, as what, and what is said of it; with a counter whose buckets never fill again.

use std::{
    collections::HashMap,
    num::NonZeroU32,
    sync::{
        Mutex,
        atomic::{AtomicU32, Ordering},
    },
};

use actix_web::{
    App as ActixApp, HttpResponse,
    dev::Service,
    http::{Method, StatusCode, header},
    middleware::from_fn,
    test::{TestRequest, init_service},
};
use async_trait::async_trait;
use lyceum_domain::{ids::UserId, limits::Counting};

use super::{classes::class_of, *};
use crate::{openapi, settings::ClassSettings};

/// Lets a burst through and nothing more; asks to wait for half a second more than a minute.
#[derive(Default)]
struct Bursts(Mutex<HashMap<(Class, Counted), u32>>);

#[async_trait]
impl Limiter for Bursts {
    async fn take(&self, demand: &Demand) -> Result<Verdict, LimiterError> {
        let mut taken = self.0.lock().unwrap();
        let taken = taken.entry((demand.class, demand.counted.clone())).or_default();
        let limit = demand.rate.burst.get();
        let is_allowed = *taken < limit;
        *taken += u32::from(is_allowed);
        Ok(Verdict {
            limit,
            remaining: limit - *taken,
            reset: Duration::from_millis(60_500),
            retry_after: (!is_allowed).then_some(Duration::from_millis(60_500)),
        })
    }

    async fn give_back(&self, demand: &Demand) -> Result<(), LimiterError> {
        let mut taken = self.0.lock().unwrap();
        let taken = taken.get_mut(&(demand.class, demand.counted.clone())).expect("it was taken");
        *taken = taken.checked_sub(1).expect("once only");
        Ok(())
    }

    async fn check(&self) -> Result<Counting, LimiterError> {
        Ok(Counting::InMemory)
    }
}

struct Away;

#[async_trait]
impl Limiter for Away {
    async fn take(&self, _: &Demand) -> Result<Verdict, LimiterError> {
        Err(LimiterError("the network".into()))
    }

    async fn give_back(&self, _: &Demand) -> Result<(), LimiterError> {
        Err(LimiterError("the network".into()))
    }

    async fn check(&self) -> Result<Counting, LimiterError> {
        Err(LimiterError("the network".into()))
    }
}

/// The same for all classes.
fn rates(network: u32, user: u32) -> RateLimitSettings {
    let number = |number| NonZeroU32::new(number).unwrap();
    let class = ClassSettings { network_per_minute: number(network), user_per_minute: number(user) };
    RateLimitSettings {
        enabled: true,
        auth: class.clone(),
        chat: class.clone(),
        uploads: class.clone(),
        writes: class.clone(),
        reads: class,
    }
}

/// A door with some routes, each of which counts for the user whose number is in a header, twice.
struct Door {
    limits: Arc<Limits>,
    handled: Arc<AtomicU32>,
    bursts: Arc<Bursts>,
}

impl Door {
    fn new(network: u32, user: u32) -> Self {
        let bursts = Arc::new(Bursts::default());
        let limits = Arc::new(Limits::new(Arc::clone(&bursts) as _, rates(network, user)));
        Self { limits, handled: Arc::default(), bursts }
    }

    fn broken() -> Self {
        let limits = Arc::new(Limits::new(Arc::new(Away), rates(1, 1)));
        Self { limits, handled: Arc::default(), bursts: Arc::default() }
    }

    async fn ask(&self, method: Method, path: &str, network: u8, user: Option<u128>) -> (StatusCode, String) {
        let (outer, inner, handled) = (Arc::clone(&self.limits), Arc::clone(&self.limits), Arc::clone(&self.handled));
        let handle = move |request: HttpRequest| {
            let (limits, handled) = (Arc::clone(&inner), Arc::clone(&handled));
            async move {
                let user = request.headers().get("x-user").map(|value| value.to_str().unwrap().parse().unwrap());
                if let Some(user) = user {
                    let user = UserId::from_uuid(uuid::Uuid::from_u128(user));
                    limits.pass_user(&request, user).await?;
                    limits.pass_user(&request, user).await?;
                }
                handled.fetch_add(1, Ordering::Relaxed);
                Ok::<_, Problem>(HttpResponse::Ok().finish())
            }
        };
        let counting = move |request: ServiceRequest, next: Next<_>| {
            let limits = Arc::clone(&outer);
            async move { limits.pass(request, next).await }
        };
        let app = ActixApp::new()
            .wrap(from_fn(counting))
            .route("/health", web::get().to(handle.clone()))
            .route("/api/v1/courses", web::get().to(handle.clone()))
            .route("/api/v1/courses", web::post().to(handle.clone()))
            .route("/api/v1/auth/login", web::post().to(handle.clone()))
            .route("/api/v1/ai/chat", web::post().to(handle));
        let app = init_service(app).await;
        let from = format!("203.0.113.{network}:4711").parse().unwrap();
        let mut request = TestRequest::default().method(method).uri(path).peer_addr(from);
        if let Some(user) = user {
            request = request.insert_header(("x-user", user.to_string()));
        }
        let response = app.call(request.to_request()).await.unwrap();
        let told = [LIMIT, REMAINING, RESET, header::RETRY_AFTER].map(|name| {
            response.headers().get(name).map_or("-".to_owned(), |value| value.to_str().unwrap().to_owned())
        });
        (response.status(), told.join(" "))
    }

    async fn read(&self, network: u8, user: Option<u128>) -> (u16, String) {
        let (status, told) = self.ask(Method::GET, "/api/v1/courses", network, user).await;
        (status.as_u16(), told)
    }

    /// Who was counted as what, and how often.
    fn counted(&self) -> Vec<String> {
        let taken = self.bursts.0.lock().unwrap();
        let mut lines: Vec<_> =
            taken.iter().map(|((class, counted), taken)| format!("{class} {counted} {taken}")).collect();
        lines.sort();
        lines
    }
}

#[actix_web::test]
async fn one_too_many_is_refused_before_anything_is_done_for_it() {
    let door = Door::new(2, 9);
    assert_eq!(door.read(1, None).await, (200, "2 1 61 -".to_owned()));
    assert_eq!(door.read(1, None).await, (200, "2 0 61 -".to_owned()));
    assert_eq!(door.read(1, None).await, (429, "2 0 61 61".to_owned()));
    assert_eq!(door.handled.load(Ordering::Relaxed), 2);
    assert_eq!(door.read(2, None).await, (200, "2 1 61 -".to_owned()), "another network");
    let (status, _) = door.ask(Method::POST, "/api/v1/courses", 1, None).await;
    assert_eq!(status, 200, "another class");
}

#[actix_web::test]
async fn a_user_is_counted_once_for_each_request_wherever_it_comes_from() {
    let door = Door::new(9, 2);
    assert_eq!(door.read(1, Some(7)).await, (200, "2 1 61 -".to_owned()));
    assert_eq!(door.read(2, Some(7)).await, (200, "2 0 61 -".to_owned()));
    assert_eq!(door.read(3, Some(7)).await, (429, "2 0 61 61".to_owned()));
    assert_eq!(door.handled.load(Ordering::Relaxed), 2);
    assert_eq!(door.read(3, Some(8)).await, (200, "2 1 61 -".to_owned()), "somebody else of the same network");
    assert_eq!(door.read(3, None).await, (200, "9 7 61 -".to_owned()), "nobody in particular");
}

#[actix_web::test]
async fn whoever_asks_too_often_stops_nobody_else_of_their_network() {
    let door = Door::new(3, 1);
    assert_eq!(door.read(1, Some(7)).await.0, 200);
    for _ in 0..9 {
        assert_eq!(door.read(1, Some(7)).await, (429, "1 0 61 61".to_owned()));
    }
    assert_eq!(door.read(1, Some(8)).await.0, 200);
    assert_eq!(door.read(1, None).await, (200, "3 0 61 -".to_owned()));
    assert_eq!(door.read(1, None).await.0, 429);
    assert_eq!(door.handled.load(Ordering::Relaxed), 3);
}

#[actix_web::test]
async fn the_tighter_of_both_is_told() {
    let door = Door::new(2, 9);
    assert_eq!(door.read(1, Some(7)).await.1, "2 1 61 -");
    assert_eq!(door.read(2, Some(7)).await.1, "2 1 61 -");
    let door = Door::new(9, 2);
    assert_eq!(door.read(1, Some(7)).await.1, "2 1 61 -");
}

#[actix_web::test]
async fn while_nobody_counts_reads_and_writes_go_on_and_sign_ins_do_not() {
    let door = Door::broken();
    for (method, path, status, told) in [
        (Method::GET, "/api/v1/courses", 200, "- - - -"),
        (Method::POST, "/api/v1/courses", 200, "- - - -"),
        (Method::POST, "/api/v1/auth/login", 503, "- - - 5"),
        (Method::POST, "/api/v1/ai/chat", 503, "- - - 5"),
    ] {
        let (was, said) = door.ask(method, path, 1, Some(7)).await;
        assert_eq!((was.as_u16(), &*said), (status, told), "{path}");
    }
}

#[actix_web::test]
async fn health_is_not_counted() {
    let door = Door::new(1, 1);
    for _ in 0..3 {
        assert_eq!(door.ask(Method::GET, "/health", 1, Some(7)).await, (StatusCode::OK, "- - - -".to_owned()));
    }
    assert_eq!(door.counted(), Vec::<String>::new());
}

#[actix_web::test]
async fn no_spelling_of_an_address_is_counted_as_something_else() {
    let door = Door::new(9, 9);
    for path in ["/api/v1/ai/chat", "/api/v1/ai/ch%61t", "/%61pi/v1/%61i/chat?x=/health"] {
        let (status, _) = door.ask(Method::POST, path, 1, None).await;
        assert_eq!(status, 200, "{path}");
    }
    assert_eq!(door.counted(), ["chat network:203.0.113.1 3"]);
}

#[actix_web::test]
async fn who_looks_for_doors_that_are_not_there_reads() {
    let door = Door::new(9, 9);
    for path in ["/api/v1/auth/nothing", "/wp-login.php", "/api/v1/ai/chat/", "/api/v1/ai//chat"] {
        let (status, told) = door.ask(Method::POST, path, 1, None).await;
        assert_eq!(status, 404, "{path}");
        assert!(told.starts_with("9 "), "{path}: {told}");
    }
    assert_eq!(door.counted(), ["reads network:203.0.113.1 4"]);
}

/// A new operation stands here with a class that somebody looked at.
#[test]
#[expect(clippy::too_many_lines, reason = "one line for each operation")]
fn the_class_of_every_operation() {
    let document = serde_json::to_value(openapi::document()).unwrap();
    let mut table = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in ["get", "put", "post", "delete", "patch"] {
            if item.get(method).is_none() {
                continue;
            }
            let method: Method = method.to_uppercase().parse().unwrap();
            let class = class_of(&method, path);
            table.push(format!("{:<8} {method} {path}", class.map_or("-", Class::as_str)));
        }
    }
    table.sort();
    insta::assert_snapshot!(table.join("\n"), @"
    -        GET /health
    -        GET /health/live
    -        GET /health/ready
    auth     DELETE /api/v1/users/me
    auth     POST /api/v1/auth/login
    auth     POST /api/v1/auth/password/change
    auth     POST /api/v1/auth/password/forgot
    auth     POST /api/v1/auth/password/reset
    auth     POST /api/v1/auth/register
    auth     POST /api/v1/auth/resend-verification
    auth     POST /api/v1/auth/token
    auth     POST /api/v1/auth/verify-email
    chat     POST /api/v1/ai/chat
    chat     POST /api/v1/ai/messages/{id}/regenerate
    chat     POST /openai/v1/chat/completions
    reads    GET /.well-known/jwks.json
    reads    GET /api/v1/admin/audit
    reads    GET /api/v1/admin/log-level
    reads    GET /api/v1/admin/usage
    reads    GET /api/v1/admin/users
    reads    GET /api/v1/admin/users/{id}
    reads    GET /api/v1/ai/context
    reads    GET /api/v1/ai/conversations
    reads    GET /api/v1/ai/conversations/{id}
    reads    GET /api/v1/ai/conversations/{id}/export
    reads    GET /api/v1/ai/conversations/{id}/messages
    reads    GET /api/v1/ai/messages/{id}
    reads    GET /api/v1/ai/messages/{id}/stream
    reads    GET /api/v1/ai/usage
    reads    GET /api/v1/auth/sessions
    reads    GET /api/v1/auth/sign-ins
    reads    GET /api/v1/courses
    reads    GET /api/v1/courses/{course}
    reads    GET /api/v1/courses/{course}/completion
    reads    GET /api/v1/courses/{course}/export
    reads    GET /api/v1/courses/{course}/files/{path}
    reads    GET /api/v1/courses/{course}/learners
    reads    GET /api/v1/courses/{course}/progress
    reads    GET /api/v1/courses/{course}/removed-lessons
    reads    GET /api/v1/documents/{id}
    reads    GET /api/v1/documents/{id}/content
    reads    GET /api/v1/documents/{id}/text
    reads    GET /api/v1/lessons/{id}
    reads    GET /api/v1/profile-pictures/{user}/{file}
    reads    GET /api/v1/progress
    reads    GET /api/v1/progress/next
    reads    GET /api/v1/progress/timeline
    reads    GET /api/v1/search
    reads    GET /api/v1/subjects
    reads    GET /api/v1/subjects/{id}
    reads    GET /api/v1/subjects/{id}/documents
    reads    GET /api/v1/users/me
    reads    GET /api/v1/users/me/api-keys
    reads    GET /api/v1/users/me/export
    reads    GET /api/v1/users/me/privacy
    reads    GET /api/v1/users/{username}
    reads    GET /openai/v1/models
    reads    GET /openai/v1/models/{model}
    reads    GET /openapi.json
    uploads  POST /api/v1/courses/import
    uploads  POST /api/v1/subjects/{id}/documents
    uploads  PUT /api/v1/users/me/avatar
    writes   DELETE /api/v1/ai/conversations/{id}
    writes   DELETE /api/v1/ai/messages/{id}/feedback
    writes   DELETE /api/v1/auth/sessions/{id}
    writes   DELETE /api/v1/courses/{course}
    writes   DELETE /api/v1/courses/{course}/enrollment
    writes   DELETE /api/v1/documents/{id}
    writes   DELETE /api/v1/lessons/{id}
    writes   DELETE /api/v1/subjects/{id}
    writes   DELETE /api/v1/users/me/api-keys/{id}
    writes   DELETE /api/v1/users/me/avatar
    writes   PATCH /api/v1/admin/users/{id}
    writes   PATCH /api/v1/ai/conversations/{id}
    writes   PATCH /api/v1/courses/{course}
    writes   PATCH /api/v1/lessons/{id}
    writes   PATCH /api/v1/subjects/{id}
    writes   PATCH /api/v1/users/me
    writes   PATCH /api/v1/users/me/privacy
    writes   POST /api/v1/ai/messages/{id}/stop
    writes   POST /api/v1/auth/logout
    writes   POST /api/v1/auth/logout-all
    writes   POST /api/v1/auth/refresh
    writes   POST /api/v1/courses
    writes   POST /api/v1/courses/{course}/archive
    writes   POST /api/v1/courses/{course}/enrollment
    writes   POST /api/v1/courses/{course}/lessons
    writes   POST /api/v1/courses/{course}/publish
    writes   POST /api/v1/courses/{course}/restore
    writes   POST /api/v1/lessons/{id}/restore
    writes   POST /api/v1/subjects
    writes   POST /api/v1/users/me/api-keys
    writes   PUT /api/v1/admin/log-level
    writes   PUT /api/v1/ai/messages/{id}/feedback
    writes   PUT /api/v1/courses/{course}/lessons/order
    writes   PUT /api/v1/lessons/{id}/progress
    ");
}
