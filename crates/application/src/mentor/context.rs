//! What the mentor may know for one question: nothing of anybody else, and nothing at all if the learner said no.

use futures_util::future::try_join;
use lyceum_domain::{
    courses::{Course, CourseKey, Lesson, Passage, PassageScope, passages},
    ids::{CourseId, LessonId, PassageId, UserId},
    invalid::Invalid,
    mentor::{ChatMessage, Grounding, LessonInQuestion, NumberedPassage, Shape, Source, compose},
    policy::{Action, Actor, allow},
    text,
};

use crate::{Error, Lyceum, error::denied, sessions::Caller};

/// How many courses a prompt tells of.
const COURSES: u8 = 5;
/// How many passages a prompt holds.
const PASSAGES: u8 = 5;
/// How long the excerpt of a source is, in characters.
const EXCERPT: usize = 240;

/// What a question is about.
pub(super) struct Subject {
    course: Course,
    lesson: Option<Lesson>,
}

impl Subject {
    pub(super) fn course(&self) -> CourseId {
        self.course.id
    }
}

/// What the mentor would be told about a learner.
#[derive(Debug, Clone)]
pub struct Told {
    /// As facts.
    pub grounding: Grounding,
    /// In the words that the model would read, without the question.
    pub messages: Vec<ChatMessage>,
}

impl Lyceum {
    /// Exactly what the mentor would be told about the caller now, but for what depends on the question.
    pub async fn told(
        &self,
        caller: &Caller,
        course: Option<CourseId>,
        lesson: Option<LessonId>,
    ) -> Result<Told, Error> {
        let actor = caller.actor();
        allow(&actor, &Action::AskMentor).map_err(denied("conversation"))?;
        let subject = self.subject_of_question(&actor, course, lesson).await?;
        let grounding = self.grounding(caller, "", subject.as_ref()).await?;
        let mut messages = compose(&grounding, &[], &self.shape(false)).messages;
        messages.pop();
        Ok(Told { grounding, messages })
    }

    pub(super) fn shape(&self, wants_title: bool) -> Shape {
        Shape { history_tokens: self.rules.history_tokens, wants_title, ..Shape::default() }
    }

    /// The course and lesson that a question names, if the learner may read them.
    pub(super) async fn subject_of_question(
        &self,
        actor: &Actor,
        course: Option<CourseId>,
        lesson: Option<LessonId>,
    ) -> Result<Option<Subject>, Error> {
        if let Some(id) = lesson {
            let (lesson, of) = self.lesson(actor, id).await?;
            if course.is_some_and(|named| named != of.id) {
                let expected = "a lesson of the course that is named";
                return Err(Error::invalid("/lesson_id", Invalid::Malformed { expected }));
            }
            return Ok(Some(Subject { course: of, lesson: Some(lesson) }));
        }
        let Some(id) = course else { return Ok(None) };
        let course = self.readable_course(actor, &CourseKey::Id(id)).await?;
        Ok(Some(Subject { course, lesson: None }))
    }

    /// As [`subject_of_question`](Self::subject_of_question), of what was named earlier: that it was removed or hidden
    /// meanwhile is no reason not to answer.
    pub(super) async fn subject_if_there(
        &self,
        actor: &Actor,
        course: Option<CourseId>,
        lesson: Option<LessonId>,
    ) -> Result<Option<Subject>, Error> {
        match self.subject_of_question(actor, course, lesson).await {
            Err(Error::NotFound(_)) => Ok(None),
            subject => subject,
        }
    }

    /// Everything the answer may rest on. Whoever switched personalisation off gets an answer that rests on nothing.
    pub(super) async fn grounding(
        &self,
        caller: &Caller,
        question: &str,
        subject: Option<&Subject>,
    ) -> Result<Grounding, Error> {
        let user = caller.user.id;
        let is_personal = caller.user.privacy.ai_personalization;
        let (courses, found) = if is_personal {
            let read = self.ports.store.read();
            let standings = async { Ok(read.recent_standings(user, COURSES).await?) };
            try_join(standings, self.passages_for(user, question, subject)).await?
        } else {
            (Vec::new(), Vec::new())
        };
        let lesson = subject.filter(|_| is_personal).and_then(|subject| {
            subject.lesson.as_ref().map(|lesson| LessonInQuestion {
                lesson: lesson.id,
                title: lesson.title.clone(),
                number: lesson.number.clone(),
                course_title: subject.course.title.clone(),
            })
        });
        Ok(Grounding {
            role: caller.user.role,
            courses,
            lesson,
            passages: found.into_iter().zip(1..).map(numbered).collect(),
            question: question.to_owned(),
            is_personal,
        })
    }

    /// Passages that fit the question. Of a lesson that is named there is always something: its beginning, if none of
    /// it has the words.
    async fn passages_for(
        &self,
        user: UserId,
        question: &str,
        subject: Option<&Subject>,
    ) -> Result<Vec<Passage>, Error> {
        let read = self.ports.store.read();
        let scope = match subject {
            Some(Subject { lesson: Some(lesson), .. }) => PassageScope::Lesson(lesson.id),
            Some(Subject { course, lesson: None }) => PassageScope::Course(course.id),
            None => PassageScope::CoursesOf(user),
        };
        let found =
            if question.is_empty() { Vec::new() } else { read.find_passages(scope, question, PASSAGES).await? };
        match subject {
            Some(Subject { course, lesson: Some(lesson) }) if found.is_empty() => Ok(self.beginning(course, lesson)),
            _ => Ok(found),
        }
    }

    fn beginning(&self, course: &Course, lesson: &Lesson) -> Vec<Passage> {
        passages(&lesson.content)
            .into_iter()
            .take(2)
            .map(|cut| Passage {
                id: PassageId::new(&*self.ports.ids),
                lesson: lesson.id,
                course: course.id,
                lesson_title: lesson.title.to_string(),
                lesson_number: lesson.number.as_ref().map(ToString::to_string),
                heading: cut.heading,
                text: cut.text,
            })
            .collect()
    }
}

fn numbered((passage, number): (Passage, u32)) -> NumberedPassage {
    let excerpt = text::shortened(&passage.text.split_whitespace().collect::<Vec<_>>().join(" "), EXCERPT);
    NumberedPassage {
        number,
        passage: passage.id,
        heading: passage.heading,
        source: Source {
            citation: number,
            lesson: passage.lesson,
            course: passage.course,
            title: passage.lesson_title,
            number: passage.lesson_number,
            excerpt,
        },
        text: passage.text,
    }
}
