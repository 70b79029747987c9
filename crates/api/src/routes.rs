//! The routes, one module per noun. A handler is a translation: extract, one call, wrap.

pub mod admin;
pub mod api_keys;
pub mod auth;
pub mod cohort;
pub mod conversations;
pub mod courses;
pub mod documents;
pub mod leaving;
pub mod lessons;
pub mod logging;
pub mod mentor;
pub mod openai;
pub mod operation;
pub mod passwords;
pub mod portraits;
pub mod privacy;
pub mod progress;
pub mod search;
pub mod sessions;
pub mod subjects;
pub mod timeline;
pub mod token;
pub mod users;

/// Lists handlers once for both: the server, and the document that is made from them.
macro_rules! routes {
    ($(#[$doc:meta])* $served:ident, $documented:ident: $($handler:path,)*) => {
        $(#[$doc])*
        pub fn $served(config: &mut actix_web::web::ServiceConfig) {
            $(config.service($handler);)*
        }

        /// The same, for the OpenAPI document.
        pub fn $documented(config: &mut utoipa_actix_web::service_config::ServiceConfig) {
            $(config.service($handler);)*
        }
    };
}

routes! {
    /// Everything below `/api/v1`.
    v1, document_v1:
    auth::register,
    auth::verify_email,
    auth::resend_verification,
    auth::login,
    auth::refresh,
    auth::logout,
    auth::logout_all,
    token::token,
    passwords::forgot_password,
    passwords::reset_password,
    passwords::change_password,
    sessions::list_sessions,
    sessions::revoke_session,
    sessions::list_sign_ins,
    users::me,
    users::change_me,
    portraits::set_avatar,
    portraits::delete_avatar,
    portraits::read_picture,
    leaving::delete_me,
    leaving::export_me,
    privacy::read_privacy,
    privacy::change_privacy,
    api_keys::create_api_key,
    api_keys::list_api_keys,
    api_keys::revoke_api_key,
    privacy::read_profile,
    admin::list_users,
    admin::read_user,
    admin::change_user,
    admin::list_audit,
    logging::read_log_level,
    logging::change_log_level,
    courses::list_courses,
    courses::writing::create_course,
    courses::import::import_course,
    courses::read_course,
    courses::writing::change_course,
    courses::writing::remove_course,
    courses::writing::publish_course,
    courses::writing::archive_course,
    courses::writing::restore_course,
    courses::export::export_course,
    courses::files::read_file,
    lessons::writing::add_lesson,
    lessons::writing::order_lessons,
    lessons::writing::list_removed_lessons,
    lessons::read_lesson,
    lessons::writing::change_lesson,
    lessons::writing::remove_lesson,
    lessons::writing::restore_lesson,
    search::search,
    cohort::list_learners,
    cohort::read_completion,
    progress::enrol,
    progress::leave,
    progress::course_progress,
    progress::record_lesson,
    progress::list_progress,
    timeline::read_timeline,
    timeline::list_next_lessons,
    subjects::create_subject,
    subjects::list_subjects,
    subjects::read_subject,
    subjects::change_subject,
    subjects::delete_subject,
    documents::add_document,
    documents::list_documents,
    documents::read_document,
    documents::delete_document,
    documents::read_content,
    documents::read_text,
    mentor::chat,
    mentor::regenerate,
    mentor::follow,
    mentor::stop,
    mentor::context::read_context,
    mentor::usage::read_usage,
    mentor::usage::list_usage,
    conversations::list_conversations,
    conversations::read_conversation,
    conversations::change_conversation,
    conversations::delete_conversation,
    conversations::list_messages,
    conversations::export_conversation,
    conversations::read_message,
    conversations::rate_answer,
    conversations::unrate_answer,
}

routes! {
    /// What stands outside of the versioned interface.
    root, document_root:
    openai::list_models,
    openai::read_model,
    openai::create_completion,
    operation::health,
    operation::live,
    operation::ready,
    operation::openapi,
    operation::jwks,
}
