//! The routes, one module per noun. A handler is a translation: extract, one call, wrap.

pub mod auth;
pub mod conversations;
pub mod courses;
pub mod lessons;
pub mod mentor;
pub mod operation;
pub mod progress;
pub mod token;
pub mod users;

use utoipa_actix_web::service_config::ServiceConfig;

/// Everything below `/api/v1`.
pub fn v1(config: &mut ServiceConfig) {
    config
        .service(auth::register)
        .service(auth::verify_email)
        .service(auth::resend_verification)
        .service(auth::login)
        .service(auth::refresh)
        .service(auth::logout)
        .service(auth::logout_all)
        .service(token::token)
        .service(users::me)
        .service(users::change_me)
        .service(courses::list_courses)
        .service(courses::read_course)
        .service(lessons::read_lesson)
        .service(progress::enrol)
        .service(progress::leave)
        .service(progress::course_progress)
        .service(progress::record_lesson)
        .service(progress::list_progress)
        .service(mentor::chat)
        .service(conversations::list_conversations)
        .service(conversations::read_conversation)
        .service(conversations::change_conversation)
        .service(conversations::delete_conversation)
        .service(conversations::list_messages);
}

/// What stands outside of the versioned interface.
pub fn root(config: &mut ServiceConfig) {
    config
        .service(operation::health)
        .service(operation::live)
        .service(operation::ready)
        .service(operation::openapi)
        .service(operation::jwks);
}
