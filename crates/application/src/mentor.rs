//! Asking the mentor: what is put before the model, and the turn that relays and records its answer.

mod explain;
mod turn;

use futures_util::future::try_join;
use lyceum_domain::{
    conversations::{Conversation, Message, Prompt},
    courses::{Course, CourseKey, Lesson, Passage, PassageScope, passages},
    ids::{ConversationId, CourseId, LessonId, MessageId, PassageId, UsageId, UserId},
    invalid::Invalid,
    mentor::{
        ChatRequest, Cost, Delivery, Grounding, LessonInQuestion, NumberedPassage, Source, TokenUsage, UsageOutcome,
        UsageRecord, compose,
    },
    policy::{Action, Actor, allow},
    text,
};

pub use turn::{Answer, Turn, TurnEvent, TurnStarted};

use crate::{Error, Lyceum, error::denied, sessions::Caller};

/// How many courses a prompt tells of.
const COURSES: u8 = 5;
/// How many passages a prompt holds.
const PASSAGES: u8 = 5;
/// How many earlier messages are looked at; the token budget decides how many are taken.
const HISTORY: u8 = 20;
/// How long the excerpt of a source is, in characters.
const EXCERPT: usize = 240;

/// What a learner asks.
#[derive(Debug, Clone)]
pub struct Question {
    /// The words.
    pub prompt: Prompt,
    /// The conversation it goes on with; a new one if `None`.
    pub conversation: Option<ConversationId>,
    /// The course it is about.
    pub course: Option<CourseId>,
    /// The lesson it is about.
    pub lesson: Option<LessonId>,
    /// How the answer is wanted.
    pub delivery: Delivery,
}

impl Lyceum {
    /// Prepares a turn: gathers what the mentor may know, and writes the question down before the model is asked.
    pub async fn ask(&self, caller: &Caller, question: Question) -> Result<Turn, Error> {
        let actor = caller.actor();
        allow(&actor, &Action::AskMentor).map_err(denied("conversation"))?;
        let owner = caller.user.id;
        let subject = self.subject(&actor, &question).await?;
        let (conversation, history) = match question.conversation {
            None => (None, Vec::new()),
            Some(id) => {
                let read = self.ports.store.read();
                let (found, history) =
                    try_join(read.conversation(owner, id), read.recent_messages(owner, id, HISTORY)).await?;
                (Some(found.ok_or(Error::NotFound("conversation"))?), history)
            }
        };
        let grounding = self.grounding(caller, &question.prompt, subject.as_ref()).await?;
        let prompt = compose(&grounding, &history);

        let now = self.ports.clock.now();
        let is_new = conversation.is_none();
        let mut conversation = conversation.unwrap_or_else(|| {
            let course = subject.as_ref().map(|subject| subject.course.id);
            Conversation::begin(ConversationId::new(&*self.ports.ids), owner, course, &question.prompt, now)
        });
        conversation.updated_at = now;
        let message = |ids| MessageId::new(ids);
        let asked =
            Message::question(message(&*self.ports.ids), conversation.id, question.lesson, &question.prompt, now);
        let answer = Message::answer(
            message(&*self.ports.ids),
            conversation.id,
            question.lesson,
            grounding.sources(),
            // After the question, also for a clock that stands still.
            now.plus(std::time::Duration::from_micros(1)),
        );
        let usage = UsageRecord {
            id: UsageId::new(&*self.ports.ids),
            user: owner,
            conversation: conversation.id,
            message: answer.id,
            provider: self.ports.model.provider().to_owned(),
            model: self.ports.model.model().to_owned(),
            outcome: UsageOutcome::Open,
            // Until the provider says better, the call costs at least its prompt: also if we die meanwhile.
            cost: Cost {
                tokens: TokenUsage { prompt_tokens: prompt.estimated_tokens, completion_tokens: 0 },
                is_estimated: true,
            },
            error_code: None,
            first_piece_ms: None,
            duration_ms: None,
            created_at: now,
            updated_at: now,
        };
        self.ports.store.write().begin_turn(&conversation, is_new, &asked, &answer, &usage).await?;

        let request = ChatRequest {
            messages: prompt.messages,
            grounding,
            delivery: question.delivery,
            max_tokens: self.rules.max_answer_tokens,
        };
        Ok(Turn::new(self.ports.clone(), request, asked.id, answer, usage))
    }

    /// The course and lesson that a question names, if the learner may read them.
    async fn subject(&self, actor: &Actor, question: &Question) -> Result<Option<Subject>, Error> {
        if let Some(id) = question.lesson {
            let (lesson, course) = self.lesson(actor, id).await?;
            if question.course.is_some_and(|named| named != course.id) {
                let expected = "a lesson of the course that is named";
                return Err(Error::invalid("/lesson_id", Invalid::Malformed { expected }));
            }
            return Ok(Some(Subject { course, lesson: Some(lesson) }));
        }
        if let Some(id) = question.course {
            let course = self.readable_course(actor, &CourseKey::Id(id)).await?;
            return Ok(Some(Subject { course, lesson: None }));
        }
        Ok(None)
    }

    /// Everything the answer may rest on. Whoever switched personalisation off gets an answer that rests on nothing.
    async fn grounding(&self, caller: &Caller, prompt: &Prompt, subject: Option<&Subject>) -> Result<Grounding, Error> {
        let user = caller.user.id;
        let is_personal = caller.user.privacy.ai_personalization;
        let (courses, found) = if is_personal {
            let read = self.ports.store.read();
            let standings = async { Ok(read.recent_standings(user, COURSES).await?) };
            try_join(standings, self.passages(user, prompt, subject)).await?
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
            question: prompt.as_str().to_owned(),
            is_personal,
        })
    }

    /// Passages that fit the question. Of a lesson that is named there is always something: its beginning, if none of
    /// it has the words.
    async fn passages(&self, user: UserId, prompt: &Prompt, subject: Option<&Subject>) -> Result<Vec<Passage>, Error> {
        let read = self.ports.store.read();
        let scope = match subject {
            Some(Subject { lesson: Some(lesson), .. }) => PassageScope::Lesson(lesson.id),
            Some(Subject { course, lesson: None }) => PassageScope::Course(course.id),
            None => PassageScope::CoursesOf(user),
        };
        let found = read.find_passages(scope, prompt.as_str(), PASSAGES).await?;
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

/// What a question is about.
struct Subject {
    course: Course,
    lesson: Option<Lesson>,
}

fn numbered((passage, number): (Passage, u32)) -> NumberedPassage {
    let excerpt = text::shortened(&passage.text.split_whitespace().collect::<Vec<_>>().join(" "), EXCERPT);
    NumberedPassage {
        number,
        passage: passage.id,
        heading: passage.heading,
        source: Source {
            lesson: passage.lesson,
            course: passage.course,
            title: passage.lesson_title,
            number: passage.lesson_number,
            excerpt,
        },
        text: passage.text,
    }
}
