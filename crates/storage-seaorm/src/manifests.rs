//! What answers were made from.

use std::collections::HashMap;

use lyceum_domain::{
    blobs::Sha256,
    courses::{LessonNumber, Slug, Title},
    ids::{CourseId, LessonId, MessageId, PassageId, UserId},
    mentor::{CourseStanding, LessonInQuestion, Manifest, NextLesson, QuotedPassage, QuotedText},
    progress::Percent,
    store::StoreError,
    users::Role,
};
use sea_orm::ConnectionTrait;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    row::{each, maybe},
    sealing::{Place, Sealing, Stored},
    sql::{Sql, Values},
};

const ONE: Sql = Sql::same(
    "SELECT c.owner_id, f.manifest, f.sealed_with FROM manifests f JOIN messages m ON m.id = f.message_id \
     JOIN conversations c ON c.id = m.conversation_id WHERE f.message_id = $1",
);

const QUOTED: Sql = Sql {
    postgres: "SELECT q.digest, q.text FROM quoted_texts q \
               WHERE q.digest IN (SELECT d.value FROM jsonb_array_elements_text($1) d (value))",
    sqlite: "SELECT q.digest, q.text FROM quoted_texts q WHERE q.digest IN (SELECT d.value FROM json_each($1) d)",
};

/// A manifest as it lies in its row. The names are short for good, and what is added must have a default.
#[derive(Serialize, Deserialize)]
struct StoredManifest {
    template: String,
    role: String,
    personal: bool,
    courses: Vec<StoredStanding>,
    lesson: Option<StoredLesson>,
    passages: Vec<StoredPassage>,
    history: Vec<Uuid>,
    titled: bool,
    provider: String,
    model: String,
    max_tokens: Option<u32>,
    temperature: Option<f32>,
    prompt: String,
}

#[derive(Serialize, Deserialize)]
struct StoredStanding {
    id: Uuid,
    slug: String,
    title: String,
    percent: u8,
    done: u32,
    of: u32,
    next: Option<StoredNext>,
}

#[derive(Serialize, Deserialize)]
struct StoredNext {
    id: Uuid,
    slug: String,
    title: String,
    number: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct StoredLesson {
    id: Uuid,
    title: String,
    number: Option<String>,
    course: String,
}

#[derive(Serialize, Deserialize)]
struct StoredPassage {
    cited: u32,
    id: Uuid,
    lesson: Uuid,
    course: Uuid,
    title: String,
    number: Option<String>,
    heading: String,
    digest: String,
}

impl From<&Manifest> for StoredManifest {
    fn from(manifest: &Manifest) -> Self {
        let number = |number: &Option<LessonNumber>| number.as_ref().map(|number| number.as_str().to_owned());
        Self {
            template: manifest.template.clone(),
            role: manifest.role.as_str().to_owned(),
            personal: manifest.is_personal,
            courses: manifest
                .courses
                .iter()
                .map(|course| StoredStanding {
                    id: course.course.as_uuid(),
                    slug: course.slug.as_str().to_owned(),
                    title: course.title.as_str().to_owned(),
                    percent: course.percent.get(),
                    done: course.completed_lessons,
                    of: course.total_lessons,
                    next: course.next_lesson.as_ref().map(|next| StoredNext {
                        id: next.lesson.as_uuid(),
                        slug: next.slug.as_str().to_owned(),
                        title: next.title.as_str().to_owned(),
                        number: number(&next.number),
                    }),
                })
                .collect(),
            lesson: manifest.lesson.as_ref().map(|lesson| StoredLesson {
                id: lesson.lesson.as_uuid(),
                title: lesson.title.as_str().to_owned(),
                number: number(&lesson.number),
                course: lesson.course_title.as_str().to_owned(),
            }),
            passages: manifest
                .passages
                .iter()
                .map(|quoted| StoredPassage {
                    cited: quoted.number,
                    id: quoted.passage.as_uuid(),
                    lesson: quoted.lesson.as_uuid(),
                    course: quoted.course.as_uuid(),
                    title: quoted.title.clone(),
                    number: quoted.lesson_number.clone(),
                    heading: quoted.heading.clone(),
                    digest: quoted.digest.to_string(),
                })
                .collect(),
            history: manifest.history.iter().map(|message| message.as_uuid()).collect(),
            titled: manifest.wants_title,
            provider: manifest.provider.clone(),
            model: manifest.model.clone(),
            max_tokens: manifest.max_tokens,
            temperature: manifest.temperature,
            prompt: manifest.prompt.to_string(),
        }
    }
}

impl StoredManifest {
    fn read(text: &str) -> Result<Manifest, String> {
        let stored: Self = serde_json::from_str(text).map_err(|reason| reason.to_string())?;
        stored.open().map_err(|reason| reason.to_string())
    }

    fn open(self) -> Result<Manifest, lyceum_domain::invalid::Invalid> {
        let number = |number: Option<String>| number.as_deref().map(LessonNumber::parse).transpose();
        let standing = |course: StoredStanding| {
            let next = |next: StoredNext| {
                Ok(NextLesson {
                    lesson: LessonId::from_uuid(next.id),
                    slug: Slug::parse(&next.slug)?,
                    title: Title::parse(&next.title)?,
                    number: number(next.number)?,
                })
            };
            Ok(CourseStanding {
                course: CourseId::from_uuid(course.id),
                slug: Slug::parse(&course.slug)?,
                title: Title::parse(&course.title)?,
                percent: Percent::of(course.percent.into(), 100),
                completed_lessons: course.done,
                total_lessons: course.of,
                next_lesson: course.next.map(next).transpose()?,
            })
        };
        let lesson = |lesson: StoredLesson| {
            Ok(LessonInQuestion {
                lesson: LessonId::from_uuid(lesson.id),
                title: Title::parse(&lesson.title)?,
                number: number(lesson.number)?,
                course_title: Title::parse(&lesson.course)?,
            })
        };
        let passage = |quoted: StoredPassage| {
            Ok(QuotedPassage {
                number: quoted.cited,
                passage: PassageId::from_uuid(quoted.id),
                lesson: LessonId::from_uuid(quoted.lesson),
                course: CourseId::from_uuid(quoted.course),
                title: quoted.title,
                lesson_number: quoted.number,
                heading: quoted.heading,
                digest: Sha256::parse(&quoted.digest)?,
            })
        };
        Ok(Manifest {
            template: self.template,
            role: Role::parse(&self.role)?,
            is_personal: self.personal,
            courses: self.courses.into_iter().map(standing).collect::<Result<_, _>>()?,
            lesson: self.lesson.map(lesson).transpose()?,
            passages: self.passages.into_iter().map(passage).collect::<Result<_, _>>()?,
            history: self.history.into_iter().map(MessageId::from_uuid).collect(),
            wants_title: self.titled,
            provider: self.provider,
            model: self.model,
            max_tokens: self.max_tokens,
            temperature: self.temperature,
            prompt: Sha256::parse(&self.prompt)?,
        })
    }
}

/// The manifest of an answer as it is stored.
pub(crate) fn stored(answer: MessageId, manifest: &Manifest, sealing: &Sealing) -> Result<Stored, StoreError> {
    let text = serde_json::to_string(&StoredManifest::from(manifest))
        .map_err(|reason| StoreError::Corrupt(format!("a manifest is no JSON: {reason}")))?;
    sealing.seal(Place::manifest(answer.as_uuid()), &text)
}

pub(crate) async fn one(
    db: &impl ConnectionTrait,
    sealing: &Sealing,
    answer: MessageId,
) -> Result<Option<(UserId, Manifest)>, StoreError> {
    let place = Place::manifest(answer.as_uuid());
    let row = ONE.one(db, Values::new().id(answer.as_uuid())).await?;
    maybe(row.as_ref(), |row| {
        let owner = row.id(UserId::from_uuid)?;
        let text = sealing.open(place, row.stored()?)?;
        let manifest = StoredManifest::read(&text).map_err(|reason| place.unfit(&reason))?;
        Ok((owner, manifest))
    })
}

/// In the order of the digests.
pub(crate) async fn quoted_texts(db: &impl ConnectionTrait, digests: &[Sha256]) -> Result<Vec<QuotedText>, StoreError> {
    if digests.is_empty() {
        return Ok(Vec::new());
    }
    let asked = digests.iter().map(|digest| serde_json::Value::String(digest.to_string())).collect();
    let rows = QUOTED.all(db, Values::new().json(asked)).await?;
    let found = each(&rows, |row| Ok((row.parsed(Sha256::parse)?, row.text()?)))?;
    let found: HashMap<Sha256, String> = found.into_iter().collect();
    let quoted = |digest: &Sha256| Some(QuotedText { digest: *digest, text: found.get(digest)?.clone() });
    Ok(digests.iter().filter_map(quoted).collect())
}
