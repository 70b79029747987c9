//! Messages and usage.

use lyceum_domain::{
    conversations::{Message, MessageStatus},
    mentor::{Cost, Counted, FinishReason, TokenUsage, UsageOutcome},
    store::Store,
};

use crate::contract::{
    fixtures::{HOSTILE, Turn, at, prompt, source},
    statements::{begin_turn, end_turn, first_page, found_conversation, stored_course, stored_turn, stored_user, walk},
};

async fn messages(store: &dyn Store, turn: &Turn) -> Vec<Message> {
    let (owner, id) = (turn.conversation.owner, turn.conversation.id);
    store.read().messages_page(owner, id, first_page()).await.expect("an answer").items
}

/// The answer comes back as it ended, with its text, what it rests on, what answered and what it cost; so does the
/// record of the call. The question and the conversation stay as they were.
pub async fn a_turn_ends_with_its_answer_and_its_cost(store: &dyn Store) {
    let owner = stored_user(store).await;
    let (_, lessons) = stored_course(store, 1).await;
    let mut turn = Turn::first(owner.id);
    turn.answer.lesson = Some(lessons[0].id);
    turn.answer.sources = vec![source(1, None, ""), source(5, Some("4.1.2"), &HOSTILE.join("\n"))];
    begin_turn(store, &turn, true).await.expect("a first turn");
    assert_eq!(messages(store, &turn).await[1], turn.answer, "sources are there from the beginning");

    let tokens = TokenUsage { prompt_tokens: 1234, completion_tokens: 567 };
    turn.answer = Message {
        content: "It is **this** [1].".to_owned(),
        status: MessageStatus::Complete,
        model: Some("a-model-0815".to_owned()),
        finish_reason: Some(FinishReason::Stop),
        usage: Some(tokens),
        updated_at: at(3),
        ..turn.answer
    };
    turn.usage.outcome = UsageOutcome::Complete;
    "a-model-0815".clone_into(&mut turn.usage.model);
    turn.usage.cost = Cost { tokens, is_estimated: true, micros: u64::from(u32::MAX) * 1_000 };
    turn.usage.counted = Counted::of(tokens);
    turn.usage.error_code = Some("rate_limited".to_owned());
    turn.usage.first_piece_ms = Some(0);
    turn.usage.duration_ms = Some(3_600_000);
    turn.usage.updated_at = at(3);
    end_turn(store, &turn).await.expect("ended");
    assert_eq!(messages(store, &turn).await, [turn.question.clone(), turn.answer.clone()]);
    assert_eq!(store.read().usage_of(owner.id).await.expect("an answer"), [turn.usage.clone()]);
    assert_eq!(found_conversation(store, &turn.conversation).await, turn.conversation);
}

/// All words for how a turn ends are kept; an answer that broke off may have said nothing.
pub async fn every_end_of_a_turn_comes_back(store: &dyn Store) {
    let owner = stored_user(store).await;
    for (status, outcome, finish_reason) in [
        (MessageStatus::Streaming, UsageOutcome::Open, None),
        (MessageStatus::Complete, UsageOutcome::Complete, Some(FinishReason::Stop)),
        (MessageStatus::Complete, UsageOutcome::Complete, Some(FinishReason::Length)),
        (MessageStatus::Complete, UsageOutcome::Complete, Some(FinishReason::ContentFilter)),
        (MessageStatus::Interrupted, UsageOutcome::Interrupted, None),
        (MessageStatus::Stopped, UsageOutcome::Interrupted, None),
        (MessageStatus::Failed, UsageOutcome::Failed, None),
    ] {
        let mut turn = stored_turn(store, owner.id).await;
        (turn.answer.status, turn.answer.finish_reason, turn.usage.outcome) = (status, finish_reason, outcome);
        end_turn(store, &turn).await.expect("ended");
        assert_eq!(messages(store, &turn).await[1], turn.answer);
        let usage = store.read().usage_of(owner.id).await.expect("an answer");
        assert_eq!(usage.last(), Some(&turn.usage));
    }
}

/// Any question and any answer is kept character by character, however long the answer is.
pub async fn hostile_messages_come_back_as_they_were(store: &dyn Store) {
    let owner = stored_user(store).await;
    for text in HOSTILE {
        let mut turn = Turn::first(owner.id);
        turn.question.content = prompt(text).to_string();
        begin_turn(store, &turn, true).await.expect("a first turn");
        turn.answer.content = text.repeat(2000);
        end_turn(store, &turn).await.expect("ended");
        assert_eq!(messages(store, &turn).await, [turn.question.clone(), turn.answer.clone()]);
    }
}

/// The messages of a conversation come by the time they were begun, oldest first; a question stands before its
/// answer, which is as old.
pub async fn messages_are_listed_oldest_first(store: &dyn Store) {
    let owner = stored_user(store).await;
    let other = stored_turn(store, owner.id).await;
    let first = stored_turn(store, owner.id).await;
    let mut expected = vec![first.question.clone(), first.answer.clone()];
    for n in [5, 7, 9] {
        let turn = Turn::next(&first.conversation, at(n));
        begin_turn(store, &turn, false).await.expect("a further turn");
        expected.extend([turn.question, turn.answer]);
    }
    assert_eq!(messages(store, &first).await, expected);
    assert_eq!(messages(store, &other).await.len(), 2);
}

/// Page by page, of whatever size, each message is seen once, also if many were begun at the same moment.
pub async fn a_cursor_walks_each_message_once(store: &dyn Store) {
    let owner = stored_user(store).await;
    let first = stored_turn(store, owner.id).await;
    for n in 0..5_u64 {
        let turn = Turn::next(&first.conversation, at(if n < 3 { 0 } else { 5 }));
        begin_turn(store, &turn, false).await.expect("a further turn");
    }
    let expected = messages(store, &first).await;
    assert_eq!(expected.len(), 12);
    assert!(expected.is_sorted_by_key(|message| (message.created_at, message.id)));
    for size in [1, 2, 5, 11, 12, 13] {
        let id = first.conversation.id;
        let walked = walk(size, async |page| store.read().messages_page(owner.id, id, page).await).await;
        assert_eq!(walked, expected, "pages of {size}");
    }
}

/// The history of the next question is the end of the conversation, oldest first, without messages that have no
/// text; they don't count for its length either.
pub async fn the_history_is_the_last_messages_with_text(store: &dyn Store) {
    let owner = stored_user(store).await;
    let mut first = stored_turn(store, owner.id).await;
    "An answer.".clone_into(&mut first.answer.content);
    end_turn(store, &first).await.expect("ended");
    // One that broke off with some text, one that failed without a word.
    let mut second = Turn::next(&first.conversation, at(5));
    begin_turn(store, &second, false).await.expect("a further turn");
    "Half an ans".clone_into(&mut second.answer.content);
    second.answer.status = MessageStatus::Interrupted;
    end_turn(store, &second).await.expect("ended");
    let third = Turn::next(&first.conversation, at(7));
    begin_turn(store, &third, false).await.expect("a further turn");

    let all = [first.question, first.answer, second.question, second.answer, third.question];
    for limit in [0_u8, 1, 2, 4, 5, 20] {
        let id = first.conversation.id;
        let history = store.read().recent_messages(owner.id, id, None, limit).await.expect("an answer");
        assert_eq!(history, all[all.len().saturating_sub(usize::from(limit))..], "{limit}");
    }
}

/// Of several answers of one question the latest that has text is in the history, where its question is, however late it
/// was given; a question without one is in it all the same. Before a question is what was asked before it, with the answers
/// to that.
pub async fn the_history_has_one_answer_of_each_question(store: &dyn Store) {
    let owner = stored_user(store).await.id;
    let say = async |turn: &mut Turn, text: &str| {
        text.clone_into(&mut turn.answer.content);
        end_turn(store, turn).await.expect("ended");
    };
    let mut first = stored_turn(store, owner).await;
    let id = first.conversation.id;
    say(&mut first, "The first.").await;
    let mut second = Turn::next(&first.conversation, at(1));
    begin_turn(store, &second, false).await.expect("a further turn");
    say(&mut second, "The second.").await;
    let third = Turn::next(&first.conversation, at(2));
    begin_turn(store, &third, false).await.expect("a further turn");
    // The first question is answered twice more, at last without a word; so is the second.
    let mut again = first.again(at(3));
    for turn in [&again, &second.again(at(4)), &first.again(at(5))] {
        begin_turn(store, turn, false).await.expect("begun");
    }
    let history = async |before: Option<&Message>, limit| {
        let before = before.map(|message| message.id);
        store.read().recent_messages(owner, id, before, limit).await.expect("an answer")
    };
    let mut all = [first.question, first.answer, second.question, second.answer, third.question];
    assert_eq!(history(None, 9).await, all);
    say(&mut again, "The first, better.").await;
    all[1] = again.answer;
    for limit in [1_u8, 2, 3, 4, 5, 20] {
        let from = |end: usize| end.saturating_sub(usize::from(limit));
        assert_eq!(history(None, limit).await, all[from(5)..], "{limit}");
        assert_eq!(history(Some(&all[4]), limit).await, all[from(4)..4], "{limit} before the third");
        assert_eq!(history(Some(&all[2]), limit).await, all[from(2)..2], "{limit} before the second");
        assert_eq!(history(Some(&all[0]), limit).await, [], "{limit} before the first");
    }
}

/// What the calls of a user cost is listed by the time they were asked, oldest first, and nobody else's is in it.
pub async fn usage_is_listed_oldest_first_and_nobody_elses(store: &dyn Store) {
    let (owner, other) = (stored_user(store).await, stored_user(store).await);
    let mut records = Vec::new();
    for begun in [5, 1, 3] {
        let turn = Turn::first_at(owner.id, at(begun));
        begin_turn(store, &turn, true).await.expect("a first turn");
        records.push(turn.usage);
    }
    stored_turn(store, other.id).await;
    let usage = store.read().usage_of(owner.id).await.expect("an answer");
    assert_eq!(usage, [records[1].clone(), records[2].clone(), records[0].clone()]);
}
