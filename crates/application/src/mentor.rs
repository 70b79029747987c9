//! Asking the mentor: what is put before the model, the turn that relays and records its answer, and those who read
//! along.
//!
//! | module | what it holds |
//! | --- | --- |
//! | `context` | what the mentor may know for one question |
//! | `completion` | asking through a client that keeps the conversation itself |
//! | `turn` | one question and its answer, however it ends |
//! | `broken` | why an answer broke off, and what that means |
//! | `live` | answers under way in this process, and their readers |
//! | `journal` | keeping what is said before anybody reads it |
//! | `follow` | reading an answer again, from wherever it is given |
//! | `lanes` | how many calls run at once, and who is next |
//! | `abandoned`, `silence` | answers whose server is gone, and how that is found out |
//! | `balance` | what was used up, and what may be |
//! | `explain` | what an answer was made from |

mod abandoned;
mod balance;
mod broken;
mod completion;
mod context;
mod explain;
mod follow;
mod journal;
mod lanes;
mod live;
mod silence;
mod turn;

use std::time::Duration;

use futures_util::future::try_join;
use lyceum_domain::{
    conversations::{Conversation, Message, MessageStatus, Prompt, TurnOpening},
    ids::{ConversationId, CourseId, LessonId, MessageId, UsageId},
    mentor::{
        ChatRequest, Cost, Counted, Delivery, Earlier, Grounding, Manifest, Prompt as ComposedPrompt, QuotedPassage,
        QuotedText, Reservation, Reserved, TEMPLATE, TokenUsage, UsageOutcome, UsageRecord, compose,
    },
    policy::{Action, allow},
    time::Timestamp,
};

pub use balance::Balance;
pub use completion::Chat;
pub use context::Told;
pub use explain::{Explained, Missing, Rebuilt};
use explain::{digest, digest_of_text};
pub use follow::{Follower, Place};
pub(crate) use journal::{End, Journal};
pub use lanes::{Busy, Lane, LaneSettings, LaneStatus, Lanes};
pub use live::{LiveAnswers, Reader};
pub use silence::Watch;
pub use turn::{Answer, Turn, TurnEvent, TurnStarted};

use self::{context::Subject, turn::Keeping};
use crate::{
    Error, Lyceum,
    error::denied,
    idempotency::{Begun, Done, Once, Ticket},
    sessions::Caller,
};

/// How many earlier messages are looked at; the token budget decides how many are taken.
const HISTORY: u8 = 20;
/// The longest answer that is set aside for if the operator left it to the model.
const LONGEST_ANSWER: u32 = 4096;
/// How long a request of a name may take; longer than any model is given.
const LEASE: Duration = Duration::from_mins(10);
/// The least time from one message of a conversation to the next.
const ONE_AFTER_THE_OTHER: Duration = Duration::from_micros(1);

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

/// What is asked once everything about it is known to be in order.
struct Asking {
    conversation: Conversation,
    is_new: bool,
    /// The question, and whether it is there already.
    question: Message,
    is_again: bool,
    subject: Option<Subject>,
    history: Vec<Message>,
    delivery: Delivery,
}

impl Lyceum {
    /// Prepares a turn: gathers what the mentor may know, sets aside what the answer may cost, and writes the question
    /// down before the model is asked.
    pub async fn ask(&self, caller: &Caller, question: Question) -> Result<Turn, Error> {
        self.may_ask(caller)?;
        let asking = self.asking(caller, &question).await?;
        self.open(caller, asking, Ticket::nameless(), Vec::new()).await
    }

    /// As [`ask`](Self::ask), at most once for each name that the client gives.
    pub async fn ask_once(
        &self,
        caller: &Caller,
        question: Question,
        once: Option<Once<Answer>>,
    ) -> Result<Done<Turn>, Error> {
        let said = |id: Option<String>| id.unwrap_or_default().into_bytes();
        let parts = vec![
            question.prompt.as_str().as_bytes().to_vec(),
            said(question.conversation.map(|id| id.to_string())),
            said(question.course.map(|id| id.to_string())),
            said(question.lesson.map(|id| id.to_string())),
        ];
        self.open_once(caller, once, parts, self.asking(caller, &question)).await
    }

    /// Has a question answered once more. The earlier answer stays beside the new one.
    pub async fn ask_again(
        &self,
        caller: &Caller,
        answer: MessageId,
        delivery: Delivery,
        once: Option<Once<Answer>>,
    ) -> Result<Done<Turn>, Error> {
        let parts = vec![answer.to_string().into_bytes()];
        self.open_once(caller, once, parts, self.asking_again(caller, answer, delivery)).await
    }

    /// Opens what `asking` prepares, unless a request of the same name did. `parts` are what its body says.
    async fn open_once(
        &self,
        caller: &Caller,
        once: Option<Once<Answer>>,
        parts: Vec<Vec<u8>>,
        asking: impl Future<Output = Result<Asking, Error>>,
    ) -> Result<Done<Turn>, Error> {
        self.may_ask(caller)?;
        let ticket = match self.begin_once_for(caller.user.id, once, LEASE).await? {
            Begun::Ours(ticket) => ticket,
            Begun::Before(kept) => return before(kept.for_the_same(&slices(&parts))?),
        };
        let opened = async { self.open(caller, asking.await?, ticket.clone(), parts).await }.await;
        self.or_release(&ticket, opened).await.map(Done::Now)
    }

    async fn asking(&self, caller: &Caller, question: &Question) -> Result<Asking, Error> {
        let (actor, owner) = (caller.actor(), caller.user.id);
        let named = self.subject_of_question(&actor, question.course, question.lesson).await?;
        let (conversation, history) = match question.conversation {
            None => (None, Vec::new()),
            Some(id) => {
                let read = self.ports.store.read();
                let (found, history) =
                    try_join(read.conversation(owner, id), read.recent_messages(owner, id, None, HISTORY)).await?;
                (Some(found.ok_or(Error::NotFound("conversation"))?), history)
            }
        };
        // What goes on with a conversation about a course is about that course, unless it says otherwise.
        let subject = match (named, conversation.as_ref().and_then(|conversation| conversation.course)) {
            (None, Some(course)) => self.subject_if_there(&actor, Some(course), None).await?,
            (named, _) => named,
        };
        let now = self.later_than(conversation.as_ref());
        let is_new = conversation.is_none();
        let conversation = conversation.unwrap_or_else(|| {
            let course = subject.as_ref().map(Subject::course);
            Conversation::begin(ConversationId::new(&*self.ports.ids), owner, course, &question.prompt, now)
        });
        let id = MessageId::new(&*self.ports.ids);
        let question_message = Message::question(id, conversation.id, question.lesson, &question.prompt, now);
        Ok(Asking {
            conversation,
            is_new,
            question: question_message,
            is_again: false,
            subject,
            history,
            delivery: question.delivery,
        })
    }

    async fn asking_again(&self, caller: &Caller, answer: MessageId, delivery: Delivery) -> Result<Asking, Error> {
        let owner = caller.user.id;
        let read = self.ports.store.read();
        let answer = read.message(owner, answer).await?.ok_or(Error::NotFound("message"))?;
        let Some(question) = answer.parent else {
            return Err(Error::NotAnAnswer);
        };
        if answer.status == MessageStatus::Streaming {
            return Err(Error::Conflict);
        }
        let id = answer.conversation;
        let (conversation, (question, history)) = try_join(
            read.conversation(owner, id),
            try_join(read.message(owner, question), read.recent_messages(owner, id, Some(question), HISTORY)),
        )
        .await?;
        let conversation = conversation.ok_or(Error::NotFound("conversation"))?;
        let question = question.ok_or(Error::NotFound("message"))?;
        let course = conversation.course.filter(|_| question.lesson.is_none());
        let subject = self.subject_if_there(&caller.actor(), course, question.lesson).await?;
        Ok(Asking { conversation, is_new: false, question, is_again: true, subject, history, delivery })
    }

    /// Now, but after all that was said in a conversation: its messages are read in the order of their times, and clocks
    /// are set back, or differ from server to server.
    fn later_than(&self, conversation: Option<&Conversation>) -> Timestamp {
        let now = self.ports.clock.now();
        match conversation.map(|conversation| conversation.updated_at) {
            // The last answer has the time after this one.
            Some(last) if now < last => last.plus(ONE_AFTER_THE_OTHER * 2),
            _ => now,
        }
    }

    /// Gathers, sets aside and writes down.
    async fn open(
        &self,
        caller: &Caller,
        asking: Asking,
        ticket: Ticket<Answer>,
        parts: Vec<Vec<u8>>,
    ) -> Result<Turn, Error> {
        let Asking { mut conversation, is_new, question, is_again, subject, history, delivery } = asking;
        let grounding = self.grounding(caller, &question.content, subject.as_ref()).await?;
        let history: Vec<Earlier> = history.into_iter().map(Earlier::from).collect();
        let prompt = compose(&grounding, &history, &self.shape(is_new));
        let now = self.ports.clock.now();
        let opened_at = if is_again { self.later_than(Some(&conversation)) } else { now.max(question.created_at) };
        conversation.updated_at = opened_at;
        // After the question, also for a clock that stands still.
        let answered_at = opened_at.plus(ONE_AFTER_THE_OTHER);
        let answer = Message::answer(MessageId::new(&*self.ports.ids), &question, grounding.sources(), answered_at);
        let call = self.call(caller, conversation.id, answer.id, prompt.estimated_tokens, now);
        let quoted: Vec<_> = grounding.passages.iter().map(|passage| passage.text.clone()).map(quoted).collect();
        let reservation = self.reservation(caller, prompt.bytes, None, now);
        let opening = TurnOpening {
            manifest: self.manifest(&grounding, &quoted, &prompt, is_new),
            conversation,
            is_new,
            question: (!is_again).then(|| question.clone()),
            answer: answer.clone(),
            quoted,
            call: call.clone(),
            reservation,
            instance: self.ports.answers.instance(),
        };
        let reserved = self.ports.store.write().begin_turn(&opening).await;
        let granted = self.granted(reserved.map_err(|error| match Error::from(error) {
            // It was there a moment ago.
            Error::Conflict => Error::NotFound("conversation"),
            error => error,
        })?)?;
        let max_tokens = self.answer_limit(&reservation, granted, prompt.bytes, None);
        let request = ChatRequest { messages: prompt.messages, grounding, delivery, max_tokens };
        let keeping = Keeping::Conversation { ticket, parts };
        let turn =
            Turn::new(self.clone(), TurnStarted::of(&answer, question.id), request, answer, call, keeping, is_new);
        self.ports.answers.add(&turn.live);
        Ok(turn)
    }

    /// What a call asks to be set aside, for an answer as long as the client wants it within what the operator allows.
    fn reservation(&self, caller: &Caller, prompt_bytes: usize, wanted: Option<u32>, now: Timestamp) -> Reservation {
        Reservation::new(self.rules.quotas.of(caller.user.plan), prompt_bytes, self.longest_answer(wanted), now)
    }

    /// How long the answer may be, now that so much was granted; the model's own limit if `None`.
    fn answer_limit(
        &self,
        reservation: &Reservation,
        granted: u32,
        prompt_bytes: usize,
        wanted: Option<u32>,
    ) -> Option<u32> {
        let longest = self.longest_answer(wanted);
        if granted < reservation.most {
            return Some(reservation.answer_within(granted, prompt_bytes, longest));
        }
        wanted.map(|_| longest).or(self.rules.max_answer_tokens)
    }

    fn longest_answer(&self, wanted: Option<u32>) -> u32 {
        self.rules.max_answer_tokens.unwrap_or(LONGEST_ANSWER).min(wanted.unwrap_or(u32::MAX)).max(1)
    }

    /// The record of a call that is about to start, at the very time for which it is set aside: where it is counted, the
    /// day of its record says.
    fn call(
        &self,
        caller: &Caller,
        conversation: ConversationId,
        message: MessageId,
        prompt_tokens: u32,
        now: Timestamp,
    ) -> UsageRecord {
        UsageRecord {
            id: UsageId::new(&*self.ports.ids),
            user: caller.user.id,
            conversation,
            message,
            provider: self.ports.model.provider().to_owned(),
            model: self.ports.model.model().to_owned(),
            outcome: UsageOutcome::Open,
            // Until the provider says better, the call costs at least its prompt: also if we die meanwhile.
            cost: Cost { tokens: TokenUsage { prompt_tokens, completion_tokens: 0 }, is_estimated: true, micros: 0 },
            counted: Counted::default(),
            error_code: None,
            first_piece_ms: None,
            duration_ms: None,
            created_at: now,
            updated_at: now,
        }
    }

    fn manifest(
        &self,
        grounding: &Grounding,
        quoted: &[QuotedText],
        prompt: &ComposedPrompt,
        wants_title: bool,
    ) -> Manifest {
        let passages = grounding.passages.iter().zip(quoted).map(|(passage, quoted)| QuotedPassage {
            number: passage.number,
            passage: passage.passage,
            lesson: passage.source.lesson,
            course: passage.source.course,
            title: passage.source.title.clone(),
            lesson_number: passage.source.number.clone(),
            heading: passage.heading.clone(),
            digest: quoted.digest,
        });
        Manifest {
            template: TEMPLATE.to_owned(),
            role: grounding.role,
            is_personal: grounding.is_personal,
            courses: grounding.courses.clone(),
            lesson: grounding.lesson.clone(),
            passages: passages.collect(),
            history: prompt.history.clone(),
            wants_title,
            provider: self.ports.model.provider().to_owned(),
            model: self.ports.model.model().to_owned(),
            max_tokens: self.rules.max_answer_tokens,
            temperature: self.ports.model.temperature(),
            prompt: digest(&prompt.messages),
        }
    }

    /// The tokens that were set aside.
    fn granted(&self, reserved: Reserved) -> Result<u32, Error> {
        match reserved {
            Reserved::Granted { tokens } => Ok(tokens),
            Reserved::UsedUp(window) => {
                let now = self.ports.clock.now();
                Err(Error::QuotaExceeded { window, retry_after: window.ends(now).since(now) })
            }
        }
    }

    /// Whether the caller may ask at all.
    pub fn may_ask(&self, caller: &Caller) -> Result<(), Error> {
        allow(&caller.actor(), &Action::AskMentor).map_err(denied("conversation"))
    }

    /// Keeps what answers say before anybody reads it. To be driven all the time, on each runtime that runs turns of this
    /// application; never ready.
    pub async fn keep_journal(&self) {
        self.journal.keep(&*self.ports.store).await;
    }

    /// Says that this server lives, and stops the answers that somebody wants stopped at another server.
    pub async fn beat(&self) -> Result<(), Error> {
        let (answers, now) = (&self.ports.answers, self.ports.clock.now());
        let stops = self.ports.store.write().under_way().beat(answers.instance(), now).await?;
        answers.stop(&stops);
        Ok(())
    }

    /// Stops an answer, wherever it is given. What was said is kept. One that has ended stays as it is.
    pub async fn stop_answer(&self, caller: &Caller, id: MessageId) -> Result<(), Error> {
        self.may_ask(caller)?;
        let owner = caller.user.id;
        if let Some(live) = self.ports.answers.find(owner, id) {
            live.stop();
            return Ok(());
        }
        if self.ports.store.write().under_way().request_stop(owner, id).await? {
            return Ok(());
        }
        let message = self.ports.store.read().message(owner, id).await?.ok_or(Error::NotFound("message"))?;
        if message.parent.is_none() { Err(Error::NotAnAnswer) } else { Ok(()) }
    }
}

fn quoted(text: String) -> QuotedText {
    QuotedText { digest: digest_of_text(&text), text }
}

fn slices(parts: &[Vec<u8>]) -> Vec<&[u8]> {
    parts.iter().map(Vec::as_slice).collect()
}

/// The answer that a request of the same name got.
fn before(done: Done<Answer>) -> Result<Done<Turn>, Error> {
    match done {
        Done::Before(answer) => Ok(Done::Before(answer)),
        Done::Now(_) => Err(Error::Internal("a kept answer is not one from before".to_owned())),
    }
}
