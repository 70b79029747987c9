//! What the first start in development makes: a small course of our own, and three accounts.

use std::sync::Arc;

use lyceum_application::{
    Error, Lyceum,
    courses::{Import, NoFiles},
    users::NewAccount,
};
use lyceum_domain::{
    courses::{CourseDraft, CourseKey, LessonDraft, Slug},
    invalid::Invalid,
    policy::Actor,
    sessions::Client,
    users::{DisplayName, Email, Identifier, Password, Role, Username},
};

/// The password of all three accounts.
pub const PASSWORD: &str = "first-steps-2026";

/// The accounts: username, e-mail, display name, role.
pub const ACCOUNTS: [(&str, &str, &str, Role); 3] = [
    ("learner", "learner@example.com", "Lea Learner", Role::Learner),
    ("mentor", "mentor@example.com", "Max Mentor", Role::Mentor),
    ("admin", "admin@example.com", "Ada Admin", Role::Admin),
];

/// The title of the course.
const TITLE: &str = "Learning to learn";

/// The chapters of the course: path, number, depth, title, text.
const LESSONS: [(&str, Option<&str>, u8, &str, &str); 6] = [
    ("welcome.md", None, 0, "Welcome", include_str!("demo/welcome.md")),
    ("recall.md", Some("1"), 0, "Recall beats rereading", include_str!("demo/recall.md")),
    ("questions.md", Some("1.1"), 1, "Asking good questions", include_str!("demo/questions.md")),
    ("spacing.md", Some("2"), 0, "Space it out", include_str!("demo/spacing.md")),
    ("mixing.md", Some("2.1"), 1, "Mix it up", include_str!("demo/mixing.md")),
    ("mistakes.md", Some("3"), 0, "Mistakes are data", include_str!("demo/mistakes.md")),
];

/// Makes course and accounts, unless they are there. Says how to get in.
pub async fn seed(lyceum: &Lyceum) -> Result<String, anyhow::Error> {
    let mentor = Identifier::Username(Username::parse_reserved("mentor")?);
    if lyceum.find_user(&Actor::System, &mentor).await?.is_none() {
        let people = ACCOUNTS.into_iter().map(account).collect::<Result<_, _>>()?;
        match lyceum.create_users(&Actor::System, &Password::parse(PASSWORD, &[])?, people).await {
            // Another instance was faster, or a name is somebody's.
            Ok(_) | Err(Error::UsernameTaken | Error::EmailTaken) => {}
            Err(error) => return Err(error.into()),
        }
    }
    // Only once: afterwards the course is the mentor's to change.
    let is_there = lyceum.course(&Actor::System, &CourseKey::Slug(Slug::of(TITLE))).await.is_ok();
    if let Some(mentor) = lyceum.find_user(&Actor::System, &mentor).await?.filter(|_| !is_there) {
        let import = Import { draft: course(), files: Arc::new(NoFiles), author: Some(mentor.id), publish: true };
        match lyceum.import_course(&Actor::System, &Client::default(), import).await {
            // Another instance was faster.
            Ok(_) | Err(Error::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let names = ACCOUNTS.map(|(name, ..)| name).join(", ");
    Ok(format!("Demo accounts: {names}; the password of each is {PASSWORD}"))
}

fn account((username, email, name, role): (&str, &str, &str, Role)) -> Result<NewAccount, Invalid> {
    Ok(NewAccount {
        email: Email::parse(email)?,
        username: Username::parse_reserved(username)?,
        display_name: Some(DisplayName::parse(name)?),
        role,
    })
}

fn course() -> CourseDraft {
    let lessons = LESSONS.map(|(path, number, depth, title, text)| LessonDraft {
        path: Some(format!("src/{path}")),
        title: title.to_owned(),
        number: number.map(str::to_owned),
        depth,
        content: text.to_owned(),
        ..LessonDraft::default()
    });
    CourseDraft {
        title: TITLE.to_owned(),
        description: "Six short lessons on how people learn, and a place to try the mentor.".to_owned(),
        language: Some("en".to_owned()),
        lessons: lessons.into(),
        ..CourseDraft::default()
    }
}
