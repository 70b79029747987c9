//! Turns: what the reader hears, and what is written down however they end.

use std::{
    future::{pending, ready},
    time::Duration,
};

use lyceum_application::{
    Error,
    mentor::{Question, TurnEvent},
    sessions::Caller,
};
use lyceum_domain::{
    conversations::MessageStatus,
    mentor::{
        ChatError, Completion, Cost, Counted, Delivery, FinishReason, TokenUsage, UsageOutcome, UsageRecord,
        estimated_tokens,
    },
    store::Store as _,
    time::Clock as _,
};
use lyceum_testkit::chat::{ScriptedModel, stop};
use tokio::{join, sync::oneshot};

use super::scene::turn;
use crate::house::{Heard, House, question};

impl House {
    /// What is written down of the only turn: text, status, code of the error, and whether the cost is an estimate.
    async fn written(&self, owner: &Caller) -> (String, MessageStatus, Option<String>, bool) {
        let (answer, usage) = self.outcome(owner).await;
        let outcome = match answer.status {
            MessageStatus::Complete => UsageOutcome::Complete,
            MessageStatus::Interrupted | MessageStatus::Stopped => UsageOutcome::Interrupted,
            MessageStatus::Failed => UsageOutcome::Failed,
            MessageStatus::Streaming => UsageOutcome::Open,
        };
        assert_eq!((usage.outcome, Some(usage.cost.tokens)), (outcome, answer.usage));
        assert_eq!(usage.counted, counted(&usage));
        if usage.cost.is_estimated {
            assert!(usage.cost.tokens.prompt_tokens > 100);
            assert_eq!(usage.cost.tokens.completion_tokens, estimated_tokens(&answer.content));
        }
        (answer.content, answer.status, usage.error_code, usage.cost.is_estimated)
    }
}

/// What a call counts for in the quota; nothing if it is refunded.
fn counted(usage: &UsageRecord) -> Counted {
    let is_refunded = !usage.cost.is_estimated && usage.cost.tokens == TokenUsage::default();
    if is_refunded { Counted::default() } else { Counted::of(usage.cost.tokens) }
}

fn unavailable() -> ChatError {
    ChatError::Unavailable { detail: "gone".into(), retry_after: None, source: None }
}

/// A call that cost nothing.
fn refunded(status: MessageStatus, code: &str) -> (String, MessageStatus, Option<String>, bool) {
    (String::new(), status, Some(code.to_owned()), false)
}

fn recorded(text: &str, status: MessageStatus, code: &str) -> (String, MessageStatus, Option<String>, bool) {
    (text.to_owned(), status, Some(code.to_owned()), true)
}

#[tokio::test]
async fn the_pieces_are_the_answer_that_is_stored() {
    let (house, upstream, ada, turn) = turn().await;
    let mut events = turn.reader();
    let reading = async {
        let mut heard = Heard::default();
        upstream.asked().await;
        house.clock.advance(Duration::from_millis(200));
        upstream.says("It bears ").await;
        heard.take(events.next().await.unwrap());
        heard.take(events.next().await.unwrap());
        house.clock.advance(Duration::from_millis(300));
        upstream.says("on ").await;
        upstream.says("itself.").await;
        // Words that come at the same time may come as one piece.
        let model = "scripted-1-exact".to_owned();
        upstream.finishes(Completion { model, finish_reason: FinishReason::Length, ..stop() }).await;
        while let Some(event) = events.next().await {
            heard.take(event);
        }
        heard
    };
    let (heard, ()) = join!(reading, house.run(turn, pending()));
    assert_eq!((heard.pieces[0].as_str(), heard.pieces.concat().as_str()), ("It bears", "It bears on itself."));
    let started = heard.started.clone().unwrap();
    let answer = heard.answer();
    let (stored, usage) = house.outcome(&ada).await;
    assert_eq!(answer, stored);
    assert_eq!((started.answer, started.conversation), (answer.id, answer.conversation));
    assert_eq!((answer.content.as_str(), answer.status), ("It bears on itself.", MessageStatus::Complete));
    assert_eq!((answer.finish_reason, answer.model.as_deref()), (Some(FinishReason::Length), Some("scripted-1-exact")));
    assert_eq!(
        (usage.outcome, usage.error_code, usage.model.as_str()),
        (UsageOutcome::Complete, None, "scripted-1-exact")
    );
    let tokens = TokenUsage { prompt_tokens: 20, completion_tokens: 10 };
    assert_eq!((usage.cost, answer.usage), (Cost { tokens, is_estimated: false, micros: 0 }, Some(tokens)));
    assert_eq!((usage.first_piece_ms, usage.duration_ms), (Some(200), Some(500)));
    assert_eq!(house.messages(&ada, started.conversation).await[0].id, started.question);
}

#[tokio::test]
async fn an_answer_that_is_wanted_whole_comes_whole() {
    let house = House::with_model(ScriptedModel::always("It bears on itself."));
    let ada = house.learner("ada").await;
    let heard = house.answered(&ada, Question { delivery: Delivery::Whole, ..question("Why?") }).await;
    assert_eq!(heard.pieces, ["It bears on itself."]);
    assert_eq!(heard.answer(), house.outcome(&ada).await.0);
}

#[tokio::test]
async fn a_provider_that_does_not_count_is_estimated() {
    let (house, upstream, ada, turn) = turn().await;
    let playing = async {
        upstream.says("It bears.").await;
        upstream.finishes(Completion { usage: None, ..stop() }).await;
    };
    let (heard, ()) = join!(house.listen(turn), playing);
    assert_eq!(heard.answer().content, "It bears.");
    assert_eq!(house.written(&ada).await, ("It bears.".to_owned(), MessageStatus::Complete, None, true));
}

#[tokio::test]
async fn a_reader_who_leaves_midway_leaves_what_was_said() {
    let (house, upstream, ada, turn) = turn().await;
    let mut events = turn.reader();
    let reading = async {
        upstream.says("Half an ").await;
        assert!(matches!(events.next().await, Some(TurnEvent::Started(_))));
        assert!(matches!(events.next().await, Some(TurnEvent::Piece { .. })));
        drop(events);
        upstream.was_hung_up().await
    };
    let ((), was_hung_up) = join!(house.run(turn, pending()), reading);
    assert!(was_hung_up);
    assert_eq!(house.written(&ada).await, recorded("Half an ", MessageStatus::Interrupted, "client_gone"));
}

#[tokio::test]
async fn a_reader_who_leaves_before_the_first_word_hangs_up_too() {
    let (house, upstream, ada, turn) = turn().await;
    let events = turn.reader();
    let leaving = async {
        upstream.asked().await;
        drop(events);
        upstream.was_hung_up().await
    };
    let ((), was_hung_up) = join!(house.run(turn, pending()), leaving);
    assert!(was_hung_up);
    assert_eq!(house.written(&ada).await, recorded("", MessageStatus::Interrupted, "client_gone"));
}

#[tokio::test]
async fn a_reader_who_does_not_read_does_not_hold_up_the_model() {
    let (house, upstream, ada, turn) = turn().await;
    let events = turn.reader();
    let leaving = async {
        upstream.says("One ").await;
        drop(events);
        for _ in 0..1_000 {
            upstream.says("and one ").await;
        }
        upstream.finishes(stop()).await;
    };
    join!(house.run(turn, pending()), leaving);
    let (content, status, code, _) = house.written(&ada).await;
    assert_eq!((content.len(), status, code), (8_004, MessageStatus::Complete, None));
}

#[tokio::test]
async fn a_model_that_fails_before_its_first_byte_leaves_a_failed_answer() {
    type Failure = fn() -> ChatError;
    // After a time-out or an answer that makes no sense the provider may have done the work, and bill it.
    let failures: [(Failure, &str, &str, bool); 6] = [
        (unavailable, "llm_unavailable", "unavailable", true),
        (|| ChatError::RateLimited { retry_after: None }, "llm_unavailable", "rate_limited", true),
        (|| ChatError::Misconfigured { detail: "key".into() }, "llm_unavailable", "misconfigured", true),
        (|| ChatError::Timeout { detail: "first byte".into() }, "llm_timeout", "timeout", false),
        (|| ChatError::BadResponse { detail: "html".into(), source: None }, "llm_bad_response", "bad_response", false),
        (|| ChatError::Refused { detail: "length".into() }, "llm_refused", "refused", true),
    ];
    for (failure, told, noted, is_free) in failures {
        let house = House::with_model(ScriptedModel::failing(failure));
        let ada = house.learner("ada").await;
        let heard = house.answered(&ada, question("Why?")).await;
        assert!(heard.started.is_none() && heard.pieces.is_empty());
        assert_eq!(heard.code(), told);
        let expected =
            if is_free { refunded(MessageStatus::Failed, noted) } else { recorded("", MessageStatus::Failed, noted) };
        assert_eq!(house.written(&ada).await, expected);
    }
}

#[tokio::test]
async fn a_model_that_fails_after_some_pieces_leaves_them() {
    for breaks_off in [false, true] {
        let (house, upstream, ada, turn) = turn().await;
        let playing = async {
            upstream.says("It bears ").await;
            if breaks_off {
                upstream.breaks_off().await;
            } else {
                upstream.fails(ChatError::Timeout { detail: "next piece".into() }).await;
            }
        };
        let (heard, ()) = join!(house.listen(turn), playing);
        assert_eq!(heard.pieces, ["It bears "]);
        let (told, noted) = if breaks_off { ("llm_unavailable", "unavailable") } else { ("llm_timeout", "timeout") };
        assert_eq!(heard.code(), told);
        assert_eq!(house.written(&ada).await, recorded("It bears ", MessageStatus::Failed, noted));
    }
}

#[tokio::test]
async fn a_house_that_stops_hangs_up_and_says_so() {
    let (house, upstream, ada, turn) = turn().await;
    let mut events = turn.reader();
    let (stop, stopped) = oneshot::channel::<()>();
    let reading = async {
        let mut heard = Heard::default();
        upstream.says("Half an ").await;
        heard.take(events.next().await.unwrap());
        heard.take(events.next().await.unwrap());
        stop.send(()).unwrap();
        while let Some(event) = events.next().await {
            heard.take(event);
        }
        (heard, upstream.was_hung_up().await)
    };
    let stopped = async { stopped.await.unwrap() };
    let ((), (heard, was_hung_up)) = join!(house.run(turn, stopped), reading);
    assert!(was_hung_up);
    assert_eq!(heard.code(), "shutting_down");
    assert_eq!(house.written(&ada).await, recorded("Half an ", MessageStatus::Interrupted, "shutting_down"));
}

#[tokio::test]
async fn a_house_that_has_stopped_asks_nobody() {
    let house = House::with_model(ScriptedModel::failing(|| unreachable!("the model is not asked")));
    let ada = house.learner("ada").await;
    let turn = house.ask(&ada, question("Why?")).await;
    let mut events = turn.reader();
    let ((), ended) = join!(house.run(turn, ready(())), events.next());
    assert!(matches!(ended, Some(TurnEvent::Ended(Err(Error::ShuttingDown)))));
    assert_eq!(house.written(&ada).await, refunded(MessageStatus::Interrupted, "shutting_down"));
}

#[tokio::test]
async fn an_answer_without_a_word_is_a_bad_response() {
    for pieces in [&[][..], &[" ", "\n\t"], &["\u{7}\u{1b}"]] {
        let (house, upstream, ada, turn) = turn().await;
        let playing = async {
            for piece in pieces {
                upstream.says(piece).await;
            }
            upstream.finishes(stop()).await;
        };
        let (heard, ()) = join!(house.listen(turn), playing);
        assert!(heard.pieces.is_empty());
        assert_eq!(heard.code(), "llm_bad_response");
        // The provider counted, and will want to be paid.
        let written = (String::new(), MessageStatus::Failed, Some("bad_response".to_owned()), false);
        assert_eq!(house.written(&ada).await, written);
        assert_eq!(house.outcome(&ada).await.1.cost.tokens, stop().usage.unwrap());
    }
}

#[tokio::test]
async fn control_characters_and_leading_space_stay_outside() {
    let (house, upstream, ada, turn) = turn().await;
    let playing = async {
        for piece in ["\n ", "\u{0} It\r\n", "\u{1b}", "\tbears\u{9f}", " on\u{0} 🦀 itself.\n"] {
            upstream.says(piece).await;
        }
        upstream.finishes(stop()).await;
    };
    let (heard, ()) = join!(house.listen(turn), playing);
    assert_eq!(heard.pieces.concat(), "It\n\tbears on 🦀 itself.\n");
    let pieces = heard.pieces.concat();
    assert_eq!(heard.answer().content, pieces);
    assert_eq!(house.written(&ada).await.0, pieces);
}

#[tokio::test]
async fn an_end_that_cannot_be_written_down_at_once_is_written_down_later() {
    let (house, upstream, ada, turn) = turn().await;
    let playing = async {
        upstream.says("It bears.").await;
        house.store.set_away(true);
        upstream.finishes(stop()).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        house.store.set_away(false);
    };
    let (heard, ()) = join!(house.listen(turn), playing);
    assert_eq!(heard.answer(), house.outcome(&ada).await.0);
    assert_eq!(house.written(&ada).await, ("It bears.".to_owned(), MessageStatus::Complete, None, false));
}

/// Whoever stops the server asks for what is still to be written down.
#[tokio::test(start_paused = true)]
async fn an_end_that_is_not_written_down_is_counted_until_it_is() {
    let (house, upstream, ada, turn) = turn().await;
    let answers = &house.lyceum.ports().answers;
    let playing = async {
        upstream.says("It bears.").await;
        house.store.set_away(true);
        upstream.finishes(stop()).await;
    };
    let story = async {
        join!(turn.run(pending()), playing);
        assert_eq!((answers.count(), answers.unwritten_ends()), (0, 1));
        house.store.set_away(false);
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(answers.unwritten_ends(), 0);
    };
    house.living(story).await;
    assert_eq!(house.written(&ada).await.0, "It bears.");
}

#[tokio::test]
async fn an_end_that_meets_others_is_written_down_too() {
    let (house, upstream, ada, turn) = turn().await;
    let playing = async {
        upstream.says("It bears.").await;
        house.store.conflict_at_next_commits(1);
        upstream.finishes(stop()).await;
    };
    let (heard, ()) = join!(house.listen(turn), playing);
    assert_eq!(heard.answer(), house.outcome(&ada).await.0);
}

#[tokio::test]
async fn what_a_deleted_conversation_cost_is_still_known() {
    let (house, upstream, ada, turn) = turn().await;
    let id = house.conversation_of(&ada).await;
    let playing = async {
        upstream.says("It bears.").await;
        house.lyceum.delete_conversation(&ada.actor(), id, None).await.unwrap();
        upstream.finishes(stop()).await;
    };
    let (heard, ()) = join!(house.listen(turn), playing);
    assert_eq!(heard.code(), "ok");
    let usage = house.store.read().usage_of(ada.user.id).await.unwrap();
    assert_eq!((usage.len(), usage[0].outcome), (1, UsageOutcome::Complete));
    assert!(house.messages(&ada, id).await.is_empty());
}

#[tokio::test]
async fn a_clock_that_is_set_back_puts_no_message_before_an_earlier_one() {
    let (house, upstream) = House::with_upstream();
    let ada = house.learner("ada").await;
    house.played(&upstream, &ada, question("What?"), "That.").await;
    let id = house.conversation_of(&ada).await;
    for (asked, answered) in [("Why?", "Because."), ("How?", "So.")] {
        house.clock.set(house.clock.now().minus(Duration::from_mins(5)));
        house.played(&upstream, &ada, Question { conversation: Some(id), ..question(asked) }, answered).await;
    }
    let said: Vec<_> = house.messages(&ada, id).await.into_iter().map(|message| message.content).collect();
    assert_eq!(said, ["What?", "That.", "Why?", "Because.", "How?", "So."]);
}

#[tokio::test]
async fn two_turns_of_one_conversation_at_once_are_both_written_down() {
    let (house, upstream) = House::with_upstream();
    let ada = house.learner("ada").await;
    house.played(&upstream, &ada, question("What?"), "That.").await;
    let id = house.conversation_of(&ada).await;
    let about = |text| Question { conversation: Some(id), ..question(text) };
    let first = house.ask(&ada, about("Why?")).await;
    let second = house.ask(&ada, about("How?")).await;
    let playing = async {
        let (mut one, mut other) = (upstream.call().await, upstream.call().await);
        other.says("So.");
        other.finishes(stop());
        one.says("Because.");
        one.finishes(stop());
    };
    let (first, second, ()) = join!(house.listen(first), house.listen(second), playing);
    assert_eq!((first.answer().content.as_str(), second.answer().content.as_str()), ("Because.", "So."));
    assert_eq!(house.messages(&ada, id).await.len(), 6);
}
