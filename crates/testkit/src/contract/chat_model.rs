//! What every `ChatModel` keeps.
//!
//! An adapter whose upstream a test can play implements [`ChatModelWorld`] and writes
//! `lyceum_testkit::chat_model_contract!(MyWorld)` in a module of its tests; a model without an upstream writes
//! `lyceum_testkit::any_chat_model_contract!(MyModel::new())` and runs the cases that need only a model. Each case
//! becomes a test of its own.

use std::{future::Future, pin::Pin, time::Duration};

use async_trait::async_trait;
use futures_util::StreamExt as _;
use lyceum_domain::{
    courses::{Slug, Title},
    ids::{CourseId, LessonId, PassageId},
    mentor::{
        ChatError, ChatEvent, ChatMessage, ChatModel, ChatRequest, ChatRole, CourseStanding, Delivery, Grounding,
        NextLesson, NumberedPassage, Source, complete,
    },
    progress::Percent,
    users::Role,
};
use uuid::Uuid;

/// How long a case waits for what must come.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long an upstream may go on working for somebody who has left.
const HANG_UP: Duration = Duration::from_secs(1);

/// Makes models whose upstream does as it is told.
#[async_trait]
pub trait ChatModelWorld: Send + Sync {
    /// A model whose upstream answers every call with this script.
    async fn play(&self, script: Script) -> Played;
}

/// What the upstream does when it is asked.
#[derive(Debug, Clone)]
pub struct Script {
    /// The pieces it says first.
    pub pieces: Vec<&'static str>,
    /// What it does then.
    pub ending: Ending,
}

/// What an upstream does after its pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Ends the answer well.
    Done,
    /// Goes away without an end.
    BreaksOff,
    /// Says that it failed.
    Fails,
    /// Stays, and says nothing more.
    Hangs,
}

/// A model and what its upstream noticed.
pub struct Played {
    /// The model.
    pub model: Box<dyn ChatModel>,
    /// Resolves to true as soon as the upstream notices that a client left early.
    pub hung_up: Pin<Box<dyn Future<Output = bool> + Send>>,
}

/// A request with something to answer from.
pub fn request(delivery: Delivery) -> ChatRequest {
    let question = "Why does a bowline not slip?".to_owned();
    let course = CourseId::from_uuid(Uuid::from_u128(1));
    let lesson = LessonId::from_uuid(Uuid::from_u128(2));
    ChatRequest {
        messages: vec![
            ChatMessage { role: ChatRole::System, content: "You are a mentor.".to_owned() },
            ChatMessage { role: ChatRole::User, content: question.clone() },
        ],
        grounding: Grounding {
            role: Role::Learner,
            courses: vec![CourseStanding {
                course,
                slug: Slug::of("Knots"),
                title: Title::from_source("Knots", "Untitled"),
                percent: Percent::of(1, 3),
                completed_lessons: 1,
                total_lessons: 3,
                next_lesson: Some(NextLesson {
                    lesson,
                    slug: Slug::of("The bowline"),
                    title: Title::from_source("The bowline", "Untitled"),
                    number: None,
                }),
            }],
            lesson: None,
            passages: vec![NumberedPassage {
                number: 1,
                passage: PassageId::from_uuid(Uuid::from_u128(3)),
                heading: "Why it holds".to_owned(),
                text: "The loop holds because the rope bears on itself.".to_owned(),
                source: Source {
                    citation: 1,
                    lesson,
                    course,
                    title: "The bowline".to_owned(),
                    number: Some("1.2".to_owned()),
                    excerpt: "The loop holds".to_owned(),
                },
            }],
            question,
            is_personal: true,
        },
        delivery,
        max_tokens: Some(400),
    }
}

/// The events of a stream until it ends; fails the test if it does not.
async fn events(model: &dyn ChatModel, delivery: Delivery) -> Vec<Result<ChatEvent, ChatError>> {
    let whole = async {
        match model.stream(request(delivery)).await {
            Ok(stream) => stream.collect().await,
            Err(error) => vec![Err(error)],
        }
    };
    in_time(whole).await
}

async fn in_time<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("the model answers in time")
}

async fn answer(model: &dyn ChatModel, delivery: Delivery) -> String {
    in_time(complete(model, request(delivery))).await.expect("an answer").text
}

fn text(events: &[Result<ChatEvent, ChatError>]) -> String {
    let deltas = events.iter().filter_map(|event| match event {
        Ok(ChatEvent::Delta(piece)) => Some(piece.as_str()),
        _ => None,
    });
    deltas.collect()
}

// ---- cases that need only a model ------------------------------------------------------------

/// Usage records name both.
pub async fn a_model_has_a_provider_and_a_name(model: &dyn ChatModel) {
    assert!(!model.provider().is_empty());
    assert!(!model.model().is_empty());
    assert!(model.check().await.is_ok(), "a model that answers passes its check");
}

/// `Done` once, and last.
pub async fn an_answer_ends_with_exactly_one_done(model: &dyn ChatModel) {
    for delivery in [Delivery::Pieces, Delivery::Whole] {
        let events = events(model, delivery).await;
        assert!(matches!(events.last(), Some(Ok(ChatEvent::Done(done))) if !done.model.is_empty()), "{events:?}");
        let dones = events.iter().filter(|event| matches!(event, Ok(ChatEvent::Done(_)))).count();
        assert_eq!(dones, 1, "{events:?}");
        assert!(events.iter().all(Result::is_ok), "{events:?}");
    }
}

/// There is text, and no piece of it is empty.
pub async fn a_piece_is_never_empty(model: &dyn ChatModel) {
    for delivery in [Delivery::Pieces, Delivery::Whole] {
        let events = events(model, delivery).await;
        assert!(!text(&events).is_empty(), "{events:?}");
        assert!(!events.iter().any(|event| matches!(event, Ok(ChatEvent::Delta(piece)) if piece.is_empty())));
    }
}

/// How it is delivered changes nothing about what is said.
pub async fn a_whole_answer_is_its_pieces_together(model: &dyn ChatModel) {
    let pieces = text(&events(model, Delivery::Pieces).await);
    assert_eq!(pieces, text(&events(model, Delivery::Whole).await));
    assert_eq!(pieces, answer(model, Delivery::Pieces).await);
}

/// Asking on after the end is harmless.
pub async fn a_stream_that_has_ended_stays_ended(model: &dyn ChatModel) {
    let Ok(mut stream) = in_time(model.stream(request(Delivery::Pieces))).await else { panic!("no answer") };
    while in_time(stream.next()).await.is_some() {}
    assert!(in_time(stream.next()).await.is_none());
}

/// Whoever leaves early, and comes back, is answered.
pub async fn a_model_left_early_answers_again(model: &dyn ChatModel) {
    let Ok(mut stream) = in_time(model.stream(request(Delivery::Pieces))).await else { panic!("no answer") };
    assert!(in_time(stream.next()).await.is_some());
    drop(stream);
    assert!(!answer(model, Delivery::Pieces).await.is_empty());
}

// ---- cases that need an upstream -------------------------------------------------------------

const PIECES: [&str; 3] = ["The loop ", "hält, 輪 ", "🪢 for good."];

fn script(pieces: &[&'static str], ending: Ending) -> Script {
    Script { pieces: pieces.to_vec(), ending }
}

/// A script that ends well, for the cases that need only a model.
pub fn good() -> Script {
    script(&PIECES, Ending::Done)
}

/// What arrives is what was said, in order.
pub async fn an_answer_is_what_the_upstream_said(world: &dyn ChatModelWorld) {
    let played = world.play(good()).await;
    assert_eq!(answer(&*played.model, Delivery::Pieces).await, PIECES.concat());
}

/// The first piece is there while the upstream still works on the next.
pub async fn a_piece_does_not_wait_for_the_next(world: &dyn ChatModelWorld) {
    let played = world.play(script(&PIECES[..1], Ending::Hangs)).await;
    let Ok(mut stream) = in_time(played.model.stream(request(Delivery::Pieces))).await else { panic!("no answer") };
    let first = in_time(stream.next()).await;
    assert!(matches!(&first, Some(Ok(ChatEvent::Delta(piece))) if piece == PIECES[0]), "{first:?}");
}

/// The pieces that came, then one error, then nothing.
pub async fn an_answer_that_breaks_off_is_an_error_and_never_done(world: &dyn ChatModelWorld) {
    for ending in [Ending::BreaksOff, Ending::Fails] {
        let played = world.play(script(&PIECES[..2], ending)).await;
        let events = events(&*played.model, Delivery::Pieces).await;
        assert_eq!(text(&events), PIECES[..2].concat(), "{ending:?}");
        assert!(matches!(events.last(), Some(Err(_))), "{ending:?}: {events:?}");
        assert_eq!(events.iter().filter(|event| event.is_err()).count(), 1, "{ending:?}: {events:?}");
        assert!(!events.iter().any(|event| matches!(event, Ok(ChatEvent::Done(_)))), "{ending:?}: {events:?}");
    }
}

/// Whoever asks can still choose a status.
pub async fn an_error_before_the_first_byte_comes_from_the_call(world: &dyn ChatModelWorld) {
    for ending in [Ending::Fails, Ending::BreaksOff] {
        let played = world.play(script(&[], ending)).await;
        let called = in_time(played.model.stream(request(Delivery::Pieces))).await;
        assert!(called.is_err(), "{ending:?}");
    }
}

/// Nobody pays for an answer that nobody reads.
pub async fn a_dropped_stream_hangs_up(world: &dyn ChatModelWorld) {
    let played = world.play(script(&PIECES[..1], Ending::Hangs)).await;
    let Ok(mut stream) = in_time(played.model.stream(request(Delivery::Pieces))).await else { panic!("no answer") };
    assert!(in_time(stream.next()).await.is_some());
    drop(stream);
    assert_eq!(tokio::time::timeout(HANG_UP, played.hung_up).await, Ok(true));
}

/// The same before the first byte.
pub async fn a_dropped_call_hangs_up(world: &dyn ChatModelWorld) {
    for delivery in [Delivery::Pieces, Delivery::Whole] {
        let played = world.play(script(&[], Ending::Hangs)).await;
        let call = played.model.stream(request(delivery));
        assert!(tokio::time::timeout(Duration::from_millis(200), call).await.is_err(), "{delivery:?}");
        assert_eq!(tokio::time::timeout(HANG_UP, played.hung_up).await, Ok(true), "{delivery:?}");
    }
}

/// The cases that need only a model, each a test: `any_chat_model_contract!(MyModel::new())`.
#[macro_export]
macro_rules! any_chat_model_contract {
    ($model:expr) => {
        $crate::any_chat_model_contract!(@ $model;
            a_model_has_a_provider_and_a_name
            an_answer_ends_with_exactly_one_done
            a_piece_is_never_empty
            a_whole_answer_is_its_pieces_together
            a_stream_that_has_ended_stays_ended
            a_model_left_early_answers_again
        );
    };
    (@ $model:expr; $($case:ident)*) => {$(
        #[tokio::test]
        async fn $case() {
            $crate::contract::chat_model::$case(&$model).await;
        }
    )*};
}

/// All cases, each a test: `chat_model_contract!(MyWorld)`.
#[macro_export]
macro_rules! chat_model_contract {
    ($world:expr) => {
        $crate::any_chat_model_contract!(@ *$crate::contract::chat_model::ChatModelWorld::play(
                &$world, $crate::contract::chat_model::good()).await.model;
            a_model_has_a_provider_and_a_name
            an_answer_ends_with_exactly_one_done
            a_piece_is_never_empty
            a_whole_answer_is_its_pieces_together
            a_stream_that_has_ended_stays_ended
            a_model_left_early_answers_again
        );
        $crate::any_chat_model_contract!(@ $world;
            an_answer_is_what_the_upstream_said
            a_piece_does_not_wait_for_the_next
            an_answer_that_breaks_off_is_an_error_and_never_done
            an_error_before_the_first_byte_comes_from_the_call
            a_dropped_stream_hangs_up
            a_dropped_call_hangs_up
        );
    };
}
