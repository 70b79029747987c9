//! Data for cases: each value is good, and its names are nobody else's, in this process or another.

mod learning;
mod turns;

pub use learning::{
    change, claim, course_file, document, enrolment, full_subject, progress, settled_answer, sha256, subject,
};
pub use turns::{SET_ASIDE, Turn, call, ended, full_manifest, manifest, prompt, quoted_text, reservation, source};

use std::time::Duration;

use lyceum_domain::{
    audit::{AuditAction, AuditActor, AuditEvent},
    blobs::BlobKey,
    courses::{Course, CourseStatus, Lesson, LessonNumber, Slug, SourceKey, Title},
    ids::{
        ApiKeyId, AuditEventId, CourseId, IdGenerator as _, IdentityId, LessonId, OneTimeTokenId, OutboxMailId,
        RefreshTokenId, RegistrationId, SessionId, UserId,
    },
    mail::{Intent, OutboxMail},
    sessions::{AccountKey, Client, Network, NextToken, RefreshToken, SecretHash, Session},
    time::Timestamp,
    users::{
        ApiKey, ApiKeyName, Bio, DisplayName, Email, Identity, Locale, OneTimeToken, PasswordHash, PendingRegistration,
        Plan, Privacy, ProfileVisibility, ProviderName, Role, Scope, Scopes, TimeZone, TokenOwner, TokenPurpose, User,
        Username,
    },
};

use crate::ambient::{SequentialIds, start};

/// Texts that break whoever builds a statement or a document by hand.
pub const HOSTILE: [&str; 14] = [
    "O'Reilly's \"quoted\" `ticked` text",
    "'; DROP TABLE users; --",
    "\" OR 1=1 --",
    "%_\\%%__\\\\",
    "$1 ?1 :name @p1 {} %s \\n \\u0000 &#0;",
    "{\"json\": [1, null]}",
    "NULL",
    "🦀🐎𝄞 four bytes",
    "e\u{301} is not \u{e9}",
    "\u{202e}from right to left",
    "日本語 العربية עברית ไทย",
    "\u{feff}mark\u{200d}joiner\u{10ffff}",
    "a tab\tand a\nnew line",
    "NEAR(a b) AND OR NOT col:x* ^y \"z",
];

/// A number of seconds and some microseconds after the clocks' [`start`].
pub fn at(seconds: u64) -> Timestamp {
    start().plus(Duration::from_secs(seconds)).plus(Duration::from_micros(123_456))
}

/// A number of seconds after the beginning of a year, more or less. What takes or removes everything up to a time looks
/// at a year that no other case has to do with.
pub fn in_year(year: i64, seconds: i64) -> Timestamp {
    Timestamp::from_micros(((year - 1970) * 31_556_952 + seconds) * 1_000_000 + 123_456).expect("in the calendar")
}

/// A word of 24 lower-case letters that occurs nowhere else.
pub fn word() -> String {
    let id = SequentialIds.next().as_simple().to_string();
    let letter = |c: char| c.to_digit(16).and_then(|n| char::from_digit(n + 10, 36)).expect("a hexadecimal digit");
    [&id[6..12], &id[13..16], &id[17..]].concat().chars().map(letter).collect()
}

/// A new learner; nothing that is optional is there but the password's hash.
pub fn user() -> User {
    let word = word();
    User::register(
        UserId::new(&SequentialIds),
        Email::parse(&format!("{word}@example.com")).expect("an e-mail"),
        Username::parse(&format!("U-{word}")).expect("a username"),
        None,
        Some(PasswordHash::new(format!("plain${word}"))),
        at(0),
    )
}

/// A user of whom everything is known, and nothing as it is for a new one.
pub fn full_user() -> User {
    User {
        email_verified_at: Some(at(1)),
        display_name: Some(DisplayName::parse("Ada Lovelace").expect("a name")),
        bio: Some(Bio::parse("Wrote\n\tprograms.").expect("a bio")),
        portrait: Some(BlobKey::portrait(UserId::new(&SequentialIds), &SequentialIds)),
        locale: Locale::parse("pt-BR").expect("a tag"),
        time_zone: TimeZone::parse("Europe/Vienna").expect("a zone"),
        role: Role::Mentor,
        plan: Plan::Premium,
        privacy: Privacy {
            profile_visibility: ProfileVisibility::Private,
            show_progress: false,
            ai_personalization: false,
        },
        is_active: false,
        tokens_valid_from: at(2),
        last_login_at: Some(at(3)),
        last_active_at: Some(at(6)),
        updated_at: at(4),
        deleted_at: Some(at(5)),
        ..user()
    }
}

/// A token that was mailed to the user; good until `at(1000)`.
pub fn one_time_token(user: UserId) -> OneTimeToken {
    OneTimeToken {
        id: OneTimeTokenId::new(&SequentialIds),
        owner: TokenOwner::User(user),
        purpose: TokenPurpose::VerifyEmail,
        hash: hash(),
        created_at: at(0),
        expires_at: at(1000),
    }
}

/// A registration without anything optional; good until `at(1000)`.
pub fn registration() -> PendingRegistration {
    let word = word();
    PendingRegistration {
        id: RegistrationId::new(&SequentialIds),
        email: Email::parse(&format!("{word}@example.com")).expect("an e-mail"),
        username: Username::parse(&format!("R-{word}")).expect("a username"),
        display_name: None,
        password_hash: PasswordHash::new(format!("plain${word}")),
        created_at: at(0),
        expires_at: at(1000),
    }
}

/// A user of a provider who stands for the account, and of whom nothing else is known.
pub fn identity(user: UserId) -> Identity {
    Identity {
        id: IdentityId::new(&SequentialIds),
        user,
        provider: ProviderName::parse("neon_auth-2").expect("a name"),
        subject: word(),
        email: None,
        is_email_verified: false,
        created_at: at(0),
        updated_at: at(0),
    }
}

/// A key that was never used and does not expire.
pub fn api_key(user: UserId) -> ApiKey {
    ApiKey {
        id: ApiKeyId::new(&SequentialIds),
        user,
        name: ApiKeyName::parse("My script").expect("a name"),
        prefix: "lyc_abcdefgh".to_owned(),
        hash: hash(),
        scopes: Scopes::new([Scope::Ai]).expect("one"),
        created_at: at(0),
        expires_at: None,
        last_used_at: None,
        revoked_at: None,
    }
}

/// The hash of a secret that nobody has.
pub fn hash() -> SecretHash {
    SecretHash::new(format!("hash-{}", word()))
}

/// A session without anything optional; good until `at(1000)`.
pub fn session(user: UserId) -> Session {
    Session {
        id: SessionId::new(&SequentialIds),
        user,
        user_agent: None,
        ip_address: None,
        network: Network::of(None),
        created_at: at(0),
        last_used_at: at(0),
        expires_at: at(1000),
        revoked_at: None,
    }
}

/// An unused token of the session; good until `at(1000)`.
pub fn refresh_token(session: SessionId) -> RefreshToken {
    RefreshToken {
        id: RefreshTokenId::new(&SequentialIds),
        session,
        parent: None,
        hash: hash(),
        created_at: at(0),
        expires_at: at(1000),
        used_at: None,
    }
}

/// A token that follows at that time; good for 1000 seconds.
pub fn next_token(at: Timestamp) -> NextToken {
    NextToken {
        id: RefreshTokenId::new(&SequentialIds),
        hash: hash(),
        created_at: at,
        expires_at: at.plus(Duration::from_secs(1000)),
    }
}

/// A network of the documentation's.
pub fn network(last: u8) -> Network {
    Network::of(Some([203, 0, 113, last].into()))
}

/// An account that failures are counted against.
pub fn account() -> AccountKey {
    AccountKey::of_user(UserId::new(&SequentialIds))
}

/// Something that nobody we know did to nobody.
pub fn audit_event(at: Timestamp, action: AuditAction) -> AuditEvent {
    let client = Client::default();
    AuditEvent::new(AuditEventId::new(&SequentialIds), at, action, AuditActor::Anonymous, None, &client)
}

/// A mail to somebody, asked for at that time and due at once.
pub fn outbox_mail(at: Timestamp) -> OutboxMail {
    OutboxMail {
        id: OutboxMailId::new(&SequentialIds),
        to: Email::parse(&format!("{}@example.com", word())).expect("an e-mail"),
        intent: Intent::VerifyEmail,
        attempts: 0,
        due_at: at,
        created_at: at,
    }
}

/// A published course without lessons and without anything optional.
pub fn course(author: Option<UserId>) -> Course {
    let word = word();
    Course {
        id: CourseId::new(&SequentialIds),
        slug: Slug::parse(&word).expect("a slug"),
        title: Title::parse(&format!("Course {word}")).expect("a title"),
        description: String::new(),
        language: None,
        status: CourseStatus::Published,
        author,
        source: None,
        lesson_count: 0,
        outline_revision: 1,
        published_at: None,
        created_at: at(0),
        updated_at: at(0),
        deleted_at: None,
        version: 1,
    }
}

/// A course of which everything is known.
pub fn full_course(author: UserId) -> Course {
    let course = course(Some(author));
    Course {
        description: "# About\n\nIt's *good*.".to_owned(),
        language: Some("pt-BR".to_owned()),
        status: CourseStatus::Archived,
        source: Some(SourceKey::mdbook(course.slug.as_str())),
        lesson_count: 7,
        outline_revision: 3,
        published_at: Some(at(1)),
        updated_at: at(2),
        ..course
    }
}

/// A written lesson without anything optional.
pub fn lesson(course: CourseId, position: u32) -> Lesson {
    let word = word();
    Lesson {
        id: LessonId::new(&SequentialIds),
        course,
        slug: Slug::parse(&word).expect("a slug"),
        title: Title::parse(&format!("Lesson {word}")).expect("a title"),
        number: None,
        depth: 0,
        position,
        part: None,
        content: String::new(),
        estimated_minutes: 0,
        is_draft: false,
        source_path: None,
        created_at: at(0),
        updated_at: at(0),
        deleted_at: None,
        version: 1,
    }
}

/// A lesson of which everything is known.
pub fn full_lesson(course: CourseId, position: u32) -> Lesson {
    Lesson {
        number: Some(LessonNumber::parse("4.1.2").expect("a number")),
        depth: 2,
        part: Some("Part I: 'Basics'".to_owned()),
        content: format!("# Title\n\n{}", HOSTILE.join("\n\n")),
        estimated_minutes: 12,
        is_draft: true,
        source_path: Some("ch04/what's new.md".to_owned()),
        updated_at: at(2),
        ..lesson(course, position)
    }
}
