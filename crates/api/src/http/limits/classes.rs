//! As what a request is counted, decided here for all of them.

use actix_web::{dev::ServiceRequest, http::Method};
use lyceum_domain::limits::Class;

/// The class of a request; `None` if it is not counted. What no route takes is a read, whatever its method: who looks for
/// doors that are not there writes nothing.
pub fn class(request: &ServiceRequest) -> Option<Class> {
    // The path that routes are chosen by, in which nothing is percent-encoded that need not be.
    let path = request.match_info().as_str();
    let class = class_of(request.method(), path)?;
    let is_nowhere = class != Class::Reads && request.resource_map().match_pattern(path).is_none();
    Some(if is_nowhere { Class::Reads } else { class })
}

/// The class of an operation, by its address or the pattern of it. New ones are reads or writes, by their method.
pub fn class_of(method: &Method, path: &str) -> Option<Class> {
    let mut all = [""; 6];
    let mut count = 0;
    for segment in path.strip_prefix('/').unwrap_or(path).split('/') {
        if count == all.len() {
            // Longer than any that is named below.
            return Some(by_method(method));
        }
        all[count] = segment;
        count += 1;
    }
    match (method.as_str(), &all[..count]) {
        // An orchestrator that is told to come later ends the server.
        ("GET", ["health"] | ["health", "live" | "ready"]) => None,
        // Whoever wants to be signed out must get out. And whoever is signed in stays so, whatever others of their network
        // guess at: what refreshes a session is drawn from 2²⁵⁶ and not to be guessed.
        ("POST", ["api", "v1", "auth", "logout" | "logout-all" | "refresh"]) => Some(Class::Writes),
        // Leaving asks for the password, as signing in does.
        ("POST", ["api", "v1", "auth", ..]) | ("DELETE", ["api", "v1", "users", "me"]) => Some(Class::Auth),
        (
            "POST",
            ["api", "v1", "ai", "chat"]
            | ["api", "v1", "ai", "messages", _, "regenerate"]
            | ["openai", "v1", "chat", "completions"],
        ) => Some(Class::Chat),
        ("POST", ["api", "v1", "courses", "import"] | ["api", "v1", "subjects", _, "documents"])
        | ("PUT", ["api", "v1", "users", "me", "avatar"]) => Some(Class::Uploads),
        _ => Some(by_method(method)),
    }
}

fn by_method(method: &Method) -> Class {
    // The edge made HEAD a GET; OPTIONS that is no question of CORS gets an answer without any work.
    if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) { Class::Reads } else { Class::Writes }
}
