//! Answers under way: their pieces, who gives them and who wants them stopped.

use lyceum_domain::{
    conversations::{Abandoned, Message, MessageStatus, Piece, Said, SignOfLife},
    idempotency::Claimed,
    ids::{InstanceId, MessageId, UserId},
    mentor::UsageOutcome,
    store::Store,
    time::Timestamp,
};

use crate::ambient::SequentialIds;
use crate::contract::{
    fixtures::{HOSTILE, Turn, at, claim, ended, in_year, settled_answer},
    statements::{
        begin, begin_turn, claim as take, close_abandoned, delete_conversation, end_turn, first_page, keep_piece, said,
        settle_claim, stored_turn, stored_user,
    },
};

async fn beat(store: &dyn Store, instance: InstanceId, at: Timestamp) -> Vec<MessageId> {
    let mut stopping = store.write().under_way().beat(instance, at).await.expect("an answer");
    stopping.sort_unstable();
    stopping
}

async fn stop(store: &dyn Store, owner: UserId, of: &Turn) -> bool {
    store.write().under_way().request_stop(owner, of.answer.id).await.expect("an answer")
}

async fn text(store: &dyn Store, of: &Turn) -> String {
    said(store, of.conversation.owner, of.answer.id).await.expect("an answer that is there").answer.content
}

/// The last sign of life of a server among those that have something under way.
async fn sign(store: &dyn Store, of: InstanceId) -> Option<SignOfLife> {
    let signs = store.write().under_way().signs_of_life().await.expect("an answer");
    let mut found = signs.into_iter().filter(|sign| sign.instance == of);
    let sign = found.next();
    assert_eq!(found.next(), None, "a server is told of once");
    sign
}

/// Those of these turns that are abandoned, however many others are.
async fn abandoned(store: &dyn Store, gone: &[InstanceId], of: &[&Turn]) -> Vec<Abandoned> {
    let mut abandoned = store.write().under_way().abandoned(gone, 10_000).await.expect("an answer");
    abandoned.retain(|found| of.iter().any(|turn| turn.answer.id == found.answer.id));
    abandoned.sort_by_key(|found| found.answer.id);
    abandoned
}

/// What was said is what was kept, piece after piece, of several answers together; what is kept twice is there once, and
/// that changes nothing.
pub async fn pieces_are_kept_in_their_order_and_once(store: &dyn Store) {
    let owner = stored_user(store).await.id;
    let (one, two) = (stored_turn(store, owner).await, stored_turn(store, owner).await);
    let piece = |of: &Turn, offset, text: &str| Piece { message: of.answer.id, offset, text: text.to_owned() };
    let keep = async |pieces: &[Piece]| store.write().under_way().keep_pieces(pieces).await.expect("kept");
    keep(&[]).await;
    assert_eq!((text(store, &one).await, text(store, &two).await), (String::new(), String::new()));
    keep(&[piece(&one, 0, "Hel"), piece(&two, 0, "Grüß "), piece(&one, 3, "lo, ")]).await;
    assert_eq!((text(store, &one).await, text(store, &two).await), ("Hello, ".to_owned(), "Grüß ".to_owned()));
    // A server that does not know whether the last ones were kept keeps them again, with those that follow.
    keep(&[piece(&one, 3, "lo, "), piece(&one, 7, "🦀"), piece(&two, 0, "Grüß "), piece(&two, 7, "Gott")]).await;
    keep(&[piece(&one, 7, "🦀")]).await;
    assert_eq!((text(store, &one).await, text(store, &two).await), ("Hello, 🦀".to_owned(), "Grüß Gott".to_owned()));
}

/// Any piece is kept character by character, and very many at once.
pub async fn any_piece_comes_back_as_it_was(store: &dyn Store) {
    let owner = stored_user(store).await.id;
    let turn = stored_turn(store, owner).await;
    let mut pieces = Vec::new();
    let mut expected = String::new();
    for piece in HOSTILE.iter().cycle().take(2_000) {
        let offset = u32::try_from(expected.len()).expect("a short text");
        pieces.push(Piece { message: turn.answer.id, offset, text: (*piece).to_owned() });
        expected.push_str(piece);
    }
    store.write().under_way().keep_pieces(&pieces).await.expect("kept");
    assert_eq!(text(store, &turn).await, expected);
}

/// Pieces of an answer that has ended, that was deleted or that never was are passed over, beside others that are kept.
pub async fn pieces_of_an_ended_answer_are_passed_over(store: &dyn Store) {
    let owner = stored_user(store).await.id;
    let (mut gone, mut over, on) =
        (stored_turn(store, owner).await, stored_turn(store, owner).await, stored_turn(store, owner).await);
    for turn in [&gone, &over] {
        keep_piece(store, turn.answer.id, 0, "Said. ").await;
    }
    "Said.".clone_into(&mut over.answer.content);
    over.answer.status = MessageStatus::Complete;
    end_turn(store, &over).await.expect("ended");
    assert!(delete_conversation(store, owner, gone.conversation.id).await.expect("an answer"));
    let never = MessageId::new(&SequentialIds);
    let late = |message, offset| Piece { message, offset, text: "Late.".to_owned() };
    let pieces = [late(gone.answer.id, 6), late(never, 0), late(over.answer.id, 6), late(on.answer.id, 0)];
    store.write().under_way().keep_pieces(&pieces).await.expect("passed over");
    assert_eq!(said(store, owner, gone.answer.id).await, None);
    assert_eq!(said(store, owner, never).await, None);
    assert_eq!(
        said(store, owner, over.answer.id).await,
        Some(Said { answer: over.answer.clone(), is_under_way: false })
    );
    assert_eq!(text(store, &on).await, "Late.");
    gone.answer.content = String::new();
    end_turn(store, &gone).await.expect("no failure");
    assert_eq!(said(store, owner, gone.answer.id).await, None);
}

/// While an answer is under way its text is what was said so far, and the message has none yet; once it has ended both are
/// as it ended, whatever was said.
pub async fn what_was_said_is_seen_while_it_is_said(store: &dyn Store) {
    let owner = stored_user(store).await.id;
    let mut turn = stored_turn(store, owner).await;
    assert!(beat(store, turn.instance, at(1)).await.is_empty());
    let expected = |content: &str| {
        let answer = Message { content: content.to_owned(), ..turn.answer.clone() };
        Some(Said { answer, is_under_way: true })
    };
    assert_eq!(said(store, owner, turn.answer.id).await, expected(""));
    keep_piece(store, turn.answer.id, 0, "Hello").await;
    assert_eq!(said(store, owner, turn.answer.id).await, expected("Hello"));
    let message = async || store.read().message(owner, turn.answer.id).await.expect("an answer");
    assert_eq!(message().await.as_ref(), Some(&turn.answer));
    let id = turn.conversation.id;
    let listed = store.read().messages_page(owner, id, first_page()).await.expect("an answer").items;
    assert_eq!(listed, [turn.question.clone(), turn.answer.clone()]);
    let history = store.read().recent_messages(owner, id, None, 9).await.expect("an answer");
    assert_eq!(history, [turn.question.clone()]);
    assert_eq!(said(store, owner, turn.question.id).await, None, "a question is not said");

    "Goodbye.".clone_into(&mut turn.answer.content);
    (turn.answer.status, turn.answer.updated_at) = (MessageStatus::Complete, at(5));
    end_turn(store, &turn).await.expect("ended");
    assert_eq!(said(store, owner, turn.answer.id).await, Some(Said { answer: turn.answer, is_under_way: false }));
}

/// An answer of another is not there: it is not read, and not stopped.
pub async fn an_answer_under_way_is_its_owners(store: &dyn Store) {
    let (owner, other) = (stored_user(store).await.id, stored_user(store).await.id);
    let turn = stored_turn(store, owner).await;
    stored_turn(store, other).await;
    keep_piece(store, turn.answer.id, 0, "Hello").await;
    assert_eq!(said(store, other, turn.answer.id).await, None);
    assert!(!stop(store, other, &turn).await);
    assert!(beat(store, turn.instance, at(1)).await.is_empty());
    assert_eq!(text(store, &turn).await, "Hello");
}

/// A server hears which of its answers are to stop, and no other does, each time until they have ended.
pub async fn a_server_hears_which_answers_are_to_stop(store: &dyn Store) {
    let owner = stored_user(store).await.id;
    let mut first = stored_turn(store, owner).await;
    let second = Turn { instance: first.instance, ..Turn::first(owner) };
    let third = Turn { instance: first.instance, ..Turn::first(owner) };
    for turn in [&second, &third] {
        begin_turn(store, turn, true).await.expect("a first turn");
    }
    let elsewhere = stored_turn(store, owner).await;
    assert!(beat(store, first.instance, at(1)).await.is_empty());
    assert!(stop(store, owner, &first).await && stop(store, owner, &first).await && stop(store, owner, &third).await);
    assert!(!store.write().under_way().request_stop(owner, first.question.id).await.expect("an answer"));
    assert_eq!(beat(store, first.instance, at(2)).await, [first.answer.id, third.answer.id]);
    assert!(beat(store, elsewhere.instance, at(2)).await.is_empty());
    first.answer.status = MessageStatus::Stopped;
    end_turn(store, &first).await.expect("ended");
    assert!(!stop(store, owner, &first).await, "it has ended");
    assert_eq!(beat(store, first.instance, at(3)).await, [third.answer.id]);
    assert!(delete_conversation(store, owner, third.conversation.id).await.expect("an answer"));
    assert!(beat(store, first.instance, at(4)).await.is_empty());
    assert!(!stop(store, owner, &third).await, "it is gone");
}

/// Servers with an answer under way, or with a named request that has no answer, tell when they last said that they live, as
/// they said it, be it earlier than before; and others tell nothing.
pub async fn busy_servers_show_their_signs_of_life(store: &dyn Store) {
    let owner = stored_user(store).await.id;
    let (turn, second) = (stored_turn(store, owner).await, stored_turn(store, owner).await);
    let named = claim(owner, at(0));
    assert_eq!(take(store, &named).await.expect("an answer"), Claimed::Ours);
    for instance in [turn.instance, named.instance] {
        assert_eq!(sign(store, instance).await, Some(SignOfLife { instance, at: None }));
        for second in [7, 9, 8] {
            beat(store, instance, at(second)).await;
            assert_eq!(sign(store, instance).await, Some(SignOfLife { instance, at: Some(at(second)) }));
        }
    }
    let both = Turn { instance: named.instance, ..Turn::first(owner) };
    begin_turn(store, &both, true).await.expect("a first turn");
    assert_eq!(sign(store, named.instance).await.expect("it is busy twice").at, Some(at(8)));
    for turn in [&turn, &both] {
        end_turn(store, turn).await.expect("ended");
    }
    assert_eq!(sign(store, turn.instance).await, None, "it has nothing under way");
    assert!(sign(store, named.instance).await.is_some());
    settle_claim(store, &named, &settled_answer()).await.expect("kept");
    assert_eq!(sign(store, named.instance).await, None);
    assert!(sign(store, second.instance).await.is_some());
    let idle = InstanceId::new(&SequentialIds);
    beat(store, idle, at(1)).await;
    assert_eq!(sign(store, idle).await, None);
}

/// A server finds the answers that it gives, and no others, until they have ended.
pub async fn a_server_finds_its_answers(store: &dyn Store) {
    let owner = stored_user(store).await.id;
    let (one, elsewhere) = (stored_turn(store, owner).await, stored_turn(store, owner).await);
    let two = Turn { instance: one.instance, ..Turn::first(owner) };
    begin_turn(store, &two, true).await.expect("a first turn");
    let found = async |instance| {
        let mut found = store.write().under_way().answers_of(instance).await.expect("an answer");
        found.sort_unstable();
        found
    };
    assert_eq!(found(one.instance).await, [one.answer.id, two.answer.id]);
    assert_eq!(found(elsewhere.instance).await, [elsewhere.answer.id]);
    end_turn(store, &one).await.expect("ended");
    assert_eq!(found(one.instance).await, [two.answer.id]);
    assert_eq!(found(InstanceId::new(&SequentialIds)).await, []);
}

/// Of those who follow an answer, the last who said so is told of, be it by an earlier time; nobody follows what has ended.
pub async fn whoever_follows_an_answer_is_told_of(store: &dyn Store) {
    let owner = stored_user(store).await.id;
    let (turn, other) = (stored_turn(store, owner).await, stored_turn(store, owner).await);
    let under_way = store.write().under_way();
    let followed = async |turn: &Turn| under_way.followed_at(turn.answer.id).await.expect("an answer");
    assert_eq!(followed(&turn).await, None);
    for second in [5, 3, 7] {
        under_way.follow(turn.answer.id, at(second)).await.expect("noted");
        assert_eq!(followed(&turn).await, Some(at(second)));
    }
    assert_eq!(followed(&other).await, None);
    end_turn(store, &turn).await.expect("ended");
    assert_eq!(followed(&turn).await, None);
    under_way.follow(turn.answer.id, at(9)).await.expect("no failure");
    under_way.follow(MessageId::new(&SequentialIds), at(9)).await.expect("no failure");
    assert_eq!(followed(&turn).await, None);
}

/// The answers of servers that are known to be gone are abandoned: with all that was said, and with what was set aside.
pub async fn answers_of_gone_servers_are_abandoned(store: &dyn Store) {
    let owner = stored_user(store).await.id;
    let mut turns = Vec::new();
    for _ in 0..4 {
        let turn = stored_turn(store, owner).await;
        beat(store, turn.instance, at(1)).await;
        turns.push(turn);
    }
    keep_piece(store, turns[0].answer.id, 0, "Half of ").await;
    keep_piece(store, turns[0].answer.id, 8, "it").await;
    end_turn(store, &turns[2]).await.expect("ended");
    let gone: Vec<InstanceId> = turns[..3].iter().map(|turn| turn.instance).collect();
    let mut expected: Vec<Abandoned> =
        turns[..2].iter().map(|turn| Abandoned { answer: turn.answer.clone(), call: turn.usage.clone() }).collect();
    "Half of it".clone_into(&mut expected[0].answer.content);

    let all: Vec<&Turn> = turns.iter().collect();
    assert_eq!(abandoned(store, &gone, &all).await, expected);
    assert_eq!(abandoned(store, &gone[1..], &all).await, expected[1..]);
    assert_eq!(abandoned(store, &[], &all).await, []);
    let unknown = InstanceId::new(&SequentialIds);
    assert_eq!(abandoned(store, &[unknown], &all).await, []);
    for limit in [0_u32, 1, 2, 3] {
        let found = store.write().under_way().abandoned(&gone, limit).await.expect("an answer").len();
        assert_eq!(found, usize::try_from(limit.min(2)).expect("few"), "{limit}");
    }
    assert!(delete_conversation(store, owner, turns[0].conversation.id).await.expect("an answer"));
    assert_eq!(abandoned(store, &gone, &all).await, expected[1..]);
}

/// An abandoned answer is closed once, with what was said and what it cost; one that has ended, or is gone with its
/// conversation, is left as it is.
pub async fn an_abandoned_answer_is_closed_once(store: &dyn Store) {
    let owner = stored_user(store).await.id;
    let mut turn = stored_turn(store, owner).await;
    keep_piece(store, turn.answer.id, 0, "Half of it").await;
    turn.usage = ended(&turn.usage, 300);
    turn.usage.outcome = UsageOutcome::Interrupted;
    turn.answer.status = MessageStatus::Interrupted;
    "Half of it".clone_into(&mut turn.answer.content);
    let mut unit = begin(store).await;
    assert!(unit.conversations().close_abandoned(&turn.ending()).await.expect("an answer"));
    drop(unit);
    assert!(stop(store, owner, &turn).await, "it is under way");
    assert!(close_abandoned(store, &turn).await.expect("an answer"));
    assert_eq!(
        said(store, owner, turn.answer.id).await,
        Some(Said { answer: turn.answer.clone(), is_under_way: false })
    );
    assert!(!stop(store, owner, &turn).await, "it is not");
    assert_eq!(store.read().usage_of(owner).await.expect("an answer"), [turn.usage.clone()]);

    let mut again = turn.clone();
    "Nothing of it".clone_into(&mut again.answer.content);
    again.usage = ended(&again.usage, 900);
    assert!(!close_abandoned(store, &again).await.expect("an answer"));
    assert_eq!(store.read().message(owner, turn.answer.id).await.expect("an answer"), Some(turn.answer));
    assert_eq!(store.read().usage_of(owner).await.expect("an answer"), [turn.usage.clone()]);

    let gone = stored_turn(store, owner).await;
    assert!(delete_conversation(store, owner, gone.conversation.id).await.expect("an answer"));
    assert!(!close_abandoned(store, &gone).await.expect("an answer"));
    assert_eq!(store.read().usage_of(owner).await.expect("an answer"), [turn.usage, gone.usage]);
}

/// Servers that were not seen since a time and have nothing under way are forgotten. (In a year before all others.)
pub async fn silent_servers_without_answers_are_forgotten(store: &dyn Store) {
    let owner = stored_user(store).await.id;
    let then = |seconds| in_year(1720, seconds);
    let turn = Turn::first_at(owner, then(1));
    begin_turn(store, &turn, true).await.expect("a first turn");
    beat(store, turn.instance, then(2)).await;
    let idle: Vec<InstanceId> = (0..3).map(|_| InstanceId::new(&SequentialIds)).collect();
    for (instance, seconds) in idle.iter().zip([2, 4, 5]) {
        beat(store, *instance, then(seconds)).await;
    }
    let forget = async |since| store.write().under_way().forget_instances(then(since)).await.expect("an answer");
    assert_eq!(forget(2).await, 0);
    assert_eq!(forget(5).await, 2);
    assert_eq!(sign(store, turn.instance).await.expect("it has an answer under way").at, Some(then(2)));
    end_turn(store, &turn).await.expect("ended");
    assert_eq!(forget(9).await, 2);
    assert_eq!(forget(9).await, 0);
    // Whoever speaks again is there again.
    beat(store, idle[0], then(3)).await;
    assert_eq!(forget(9).await, 1);
}
